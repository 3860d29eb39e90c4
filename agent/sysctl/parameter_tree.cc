#include "agent/sysctl/parameter_tree.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "common/sys/file.h"
#include "common/sysctl/key.h"

namespace tcpfleet::agent {
namespace {

namespace fs = std::filesystem;

std::string TreeOf(const std::string& root) {
  return absl::StrCat(root == "/" ? "" : root, "/proc/sys/");
}

// "net/ipv4" of "net/ipv4/tcp_*": where a walk has to begin.
std::string PlainStart(const std::string& pattern) {
  std::string start;
  for (const absl::string_view part : absl::StrSplit(pattern, '/')) {
    if (sysctl::IsGlob(part)) break;
    absl::StrAppend(&start, start.empty() ? "" : "/", part);
  }
  return start;
}

class Walk {
 public:
  Walk(const std::string& tree, size_t most) : tree_(tree), most_(most) {}

  // False when nothing matches.
  bool Add(const std::string& pattern) {
    matched_ = false;
    const std::string start = PlainStart(pattern);
    std::error_code error;
    const fs::file_status status = fs::status(tree_ + start, error);
    if (fs::is_directory(status)) {
      AddBelow(start, start == pattern ? "" : pattern);
    } else if (start == pattern && fs::exists(status)) {
      AddKey(start);
    }
    return matched_;
  }

  KeyList Finish() && {
    return {.keys = {keys_.begin(), keys_.end()}, .unmatched = {}, .dropped = dropped_};
  }

 private:
  // An empty pattern matches everything.
  void AddBelow(const std::string& directory, const std::string& pattern) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(tree_ + directory, error)) {
      const std::string key =
          absl::StrCat(directory, directory.empty() ? "" : "/", entry.path().filename().string());
      const bool matches = pattern.empty() || sysctl::GlobMatches(pattern, key);
      if (entry.is_directory(error)) {
        AddBelow(key, matches ? "" : pattern);
      } else if (matches) {
        AddKey(key);
      }
    }
  }

  void AddKey(const std::string& key) {
    matched_ = true;
    if (keys_.size() < most_) {
      keys_.insert(key);
    } else if (!keys_.contains(key)) {
      ++dropped_;
    }
  }

  const std::string& tree_;
  const size_t most_;
  std::set<std::string> keys_;
  uint64_t dropped_ = 0;
  bool matched_ = false;
};

bool IsSecret(absl::string_view key) {
  return absl::EndsWith(key, "/tcp_fastopen_key") || absl::EndsWith(key, "/stable_secret") ||
         absl::EndsWith(key, "/netdev_rss_key");
}

}  // namespace

KeyList ListKeys(const std::string& root, absl::Span<const std::string> patterns, size_t most) {
  const std::string tree = TreeOf(root);
  Walk walk(tree, most);
  std::vector<std::string> unmatched;
  for (const std::string& pattern : patterns) {
    if (!walk.Add(pattern)) unmatched.push_back(pattern);
  }
  KeyList list = std::move(walk).Finish();
  list.unmatched = std::move(unmatched);
  return list;
}

Parameter ReadParameter(const std::string& root, const std::string& key) {
  const std::string path = TreeOf(root) + key;
  std::error_code error;
  const fs::perms mode = fs::status(path, error).permissions();
  const bool writable = !error && (mode & fs::perms::owner_write) != fs::perms::none;
  if (IsSecret(key)) return {absl::PermissionDeniedError("a secret, never read"), writable};
  absl::StatusOr<std::string> value = sys::ReadFile(path, kMostParameterBytes);
  if (!value.ok()) return {value.status(), writable};
  return {std::string(absl::StripSuffix(*value, "\n")), writable};
}

}  // namespace tcpfleet::agent
