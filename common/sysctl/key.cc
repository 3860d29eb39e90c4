#include "common/sysctl/key.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <fnmatch.h>

#include <algorithm>

namespace tcpfleet::sysctl {
namespace {

bool IsPlain(char byte) { return static_cast<unsigned char>(byte) > ' ' && byte != '\x7f'; }

}  // namespace

std::string SwapSeparators(absl::string_view name) {
  std::string path(name);
  const size_t first = path.find_first_of("/.");
  if (first == std::string::npos || path[first] == '/') return path;
  for (char& byte : path) byte = byte == '.' ? '/' : byte == '/' ? '.' : byte;
  return path;
}

absl::StatusOr<std::string> ParseKey(absl::string_view text) {
  absl::ConsumePrefix(&text, "/proc/sys/");
  if (text.empty()) return absl::InvalidArgumentError("a key is empty");
  if (text.size() > kLongestKey) {
    return absl::InvalidArgumentError(
        absl::StrCat("a key of ", text.size(), " bytes is too long, at most ", kLongestKey));
  }
  if (!std::all_of(text.begin(), text.end(), IsPlain)) {
    return absl::InvalidArgumentError("a key holds blanks or control characters");
  }
  const std::string key = SwapSeparators(text);
  for (const absl::string_view part : absl::StrSplit(key, '/')) {
    if (part.empty() || part == "." || part == "..") {
      return absl::InvalidArgumentError(
          absl::StrCat("'", text, "' is not a key: write it as net.ipv4.tcp_rmem"));
    }
  }
  return key;
}

std::string DottedKey(absl::string_view key) {
  std::string name(key);
  for (char& byte : name) byte = byte == '.' ? '/' : byte == '/' ? '.' : byte;
  return name;
}

bool IsGlob(absl::string_view name) { return name.find_first_of("*?[") != absl::string_view::npos; }

bool GlobMatches(const std::string& pattern, const std::string& key) {
  return ::fnmatch(pattern.c_str(), key.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0;
}

}  // namespace tcpfleet::sysctl
