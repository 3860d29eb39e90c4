#include "controller/audit/kernel_version.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>

#include <algorithm>

namespace tcpfleet::controller {

std::optional<std::array<uint32_t, 3>> ParseKernelVersion(absl::string_view text) {
  std::array<uint32_t, 3> version{};
  size_t parts = 0;
  while (parts < version.size()) {
    const auto end = std::find_if_not(text.begin(), text.end(), absl::ascii_isdigit);
    const auto digits = static_cast<size_t>(end - text.begin());
    if (digits == 0 || !absl::SimpleAtoi(text.substr(0, digits), &version[parts])) break;
    ++parts;
    text.remove_prefix(digits);
    if (text.empty() || text[0] != '.') break;
    text.remove_prefix(1);
  }
  if (parts < 2) return std::nullopt;
  return version;
}

}  // namespace tcpfleet::controller
