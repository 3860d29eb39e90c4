#include "agent/sockets/proc_links.h"

#include <absl/strings/numbers.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <array>

#include "common/sys/directory.h"

namespace tcpfleet::agent {
namespace {

// Length of the UTF-8 sequence `text` begins with; 0 when it is none. Source: RFC 3629, 4.
size_t SequenceLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  }
  const uint8_t second = byte(1);
  const bool is_valid = (first != 0xe0 || second >= 0xa0) && (first != 0xed || second < 0xa0) &&
                        (first != 0xf0 || second >= 0x90) && (first != 0xf4 || second < 0x90);
  return is_valid ? length : 0;
}

}  // namespace

std::optional<uint64_t> ParseInodeLink(absl::string_view link, absl::string_view kind) {
  uint64_t inode = 0;
  if (absl::ConsumePrefix(&link, kind) && absl::ConsumePrefix(&link, ":[") &&
      absl::ConsumeSuffix(&link, "]") && absl::SimpleAtoi(link, &inode)) {
    return inode;
  }
  return std::nullopt;
}

std::vector<uint32_t> ListProcesses(const std::string& proc_root) {
  std::vector<uint32_t> pids;
  absl::StatusOr<sys::Directory> proc = sys::Directory::Open(proc_root);
  if (!proc.ok()) return pids;
  sys::Directory::Entry entry{};
  uint32_t pid = 0;
  while (proc->Next(entry)) {
    if (absl::SimpleAtoi(entry.name, &pid)) pids.push_back(pid);
  }
  return pids;
}

std::string Readable(absl::string_view text) {
  std::string readable;
  readable.reserve(text.size());
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    const auto first = static_cast<uint8_t>(text[0]);
    // C1 controls (U+0080 to U+009F) are control characters, too.
    const bool is_control = first < 0x20 || first == 0x7f ||
                            (first == 0xc2 && length == 2 && static_cast<uint8_t>(text[1]) < 0xa0);
    if (length == 0 || is_control) {
      readable.push_back('?');
    } else {
      readable.append(text.data(), length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return readable;
}

}  // namespace tcpfleet::agent
