// What links such as "socket:[4711]" and "net:[4026531840]" below /proc say, and the text of
// strangers that stands there.
#pragma once

#include <absl/strings/string_view.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tcpfleet::agent {

// The number in "KIND:[NUMBER]"; absent for links of another kind.
std::optional<uint64_t> ParseInodeLink(absl::string_view link, absl::string_view kind);

// Ids of all processes, in no order; empty when `proc_root` cannot be read.
std::vector<uint32_t> ListProcesses(const std::string& proc_root);

// The text with every control character and every byte that is no UTF-8 replaced by '?', because
// programs choose these names and protobuf strings must be UTF-8.
std::string Readable(absl::string_view text);

}  // namespace tcpfleet::agent
