#include "agent/sysctl/parameter_tree.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "agent/sysctl/changes.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "common/sysctl/key.h"
#include "common/sysctl/value.h"

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

}  // namespace

bool IsSecret(absl::string_view key) {
  return absl::EndsWith(key, "/tcp_fastopen_key") || absl::EndsWith(key, "/stable_secret") ||
         absl::EndsWith(key, "/netdev_rss_key");
}

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

absl::Status WriteParameter(const std::string& root, const std::string& key,
                            const std::string& value, const sys::BeforeStep& before_step) {
  if (before_step) {
    TF_RETURN_IF_ERROR(before_step("write " + key));
  }
  // The newline lets an empty list be written too.
  TF_RETURN_IF_ERROR(sys::WriteOnce(TreeOf(root) + key, value + "\n"));
  const Parameter now = ReadParameter(root, key);
  TF_RETURN_IF_ERROR(now.value.status());
  if (sysctl::Canonical(key, *now.value) == sysctl::Canonical(key, value)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "\"", value, "\" was written and \"", sysctl::Canonical(key, *now.value), "\" is read back"));
}

ParameterValues ReadTree(const std::string& root, absl::Span<const std::string> others) {
  // Those that are asked for by name first: they are never the ones left out.
  std::vector<std::string> patterns(others.begin(), others.end());
  patterns.emplace_back("net");
  const KeyList list = ListKeys(root, patterns, kMostTreeKeys);
  ParameterValues tree{.values = {}, .dropped = list.dropped};
  for (const std::string& key : list.keys) {
    Parameter parameter = ReadParameter(root, key);
    if (parameter.writable && parameter.value.ok()) tree.values[key] = *std::move(parameter.value);
  }
  return tree;
}

std::vector<v1::SysctlChange> Differences(const std::map<std::string, std::string>& before,
                                          const std::map<std::string, std::string>& after) {
  std::vector<v1::SysctlChange> differences;
  for (const auto& [key, value] : before) {
    const auto now = after.find(key);
    if (now == after.end() || now->second == value) continue;
    differences.push_back(NewChange(key, value, now->second));
  }
  return differences;
}

}  // namespace tcpfleet::agent
