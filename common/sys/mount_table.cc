#include "common/sys/mount_table.h"

#include <absl/strings/str_split.h>

#include <algorithm>

#include "common/base/status_macros.h"
#include "common/sys/file.h"

namespace tcpfleet::sys {
namespace {

// Blanks, tabs, newlines and backslashes stand there as \ooo.
std::string Unescape(absl::string_view text) {
  std::string plain;
  const auto octal = [&](size_t at) { return text[at] >= '0' && text[at] <= '7'; };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      plain.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                        (text[i + 3] - '0')));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

}  // namespace

absl::StatusOr<std::vector<Mount>> ReadMounts(const std::string& path) {
  TF_ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  return ParseMounts(content);
}

std::vector<Mount> ParseMounts(absl::string_view mountinfo) {
  // 36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/root rw
  std::vector<Mount> mounts;
  for (const absl::string_view line : absl::StrSplit(mountinfo, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    const auto separator = std::find(words.begin(), words.end(), "-");
    if (separator - words.begin() < 6 || words.end() - separator < 2) continue;
    mounts.push_back({Unescape(words[3]), Unescape(words[4]), std::string(*(separator + 1))});
  }
  return mounts;
}

}  // namespace tcpfleet::sys
