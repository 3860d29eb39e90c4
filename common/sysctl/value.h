// Values of kernel parameters, so that the same thing written differently compares equal.
//
// Source: proc_dointvec and proc_do_large_bitmap of kernel/sysctl.c, as seen from outside: numbers
//         are decimal, octal (0200) or hexadecimal (0x80), vectors are separated by blanks.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tcpfleet::sysctl {

// Blanks at the ends go, those between become one space.
std::string FoldBlanks(absl::string_view text);

// The numbers of a vector, or of a single value; nothing when it is anything else, or when a number
// does not fit into 64 bits.
std::optional<std::vector<int64_t>> ParseNumbers(absl::string_view text);

// "1-3,5" as the kernel prints it: ascending, merged. InvalidArgument for anything but numbers and
// ranges from 0 to 65535, the lower end first.
absl::StatusOr<std::string> CanonicalRanges(absl::string_view text);

// net/ipv4/ip_local_reserved_ports, for example.
bool IsRangeList(absl::string_view key);

// What a written value reads back as, as far as that can be known without the kernel.
std::string Canonical(absl::string_view key, absl::string_view text);

}  // namespace tcpfleet::sysctl
