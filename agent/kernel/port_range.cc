#include "agent/kernel/port_range.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <vector>

namespace tcpfleet::agent {

absl::StatusOr<PortRange> ParsePortRange(absl::string_view text) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(text, absl::ByAnyChar("\t \n"), absl::SkipEmpty());
  uint32_t first = 0;
  uint32_t last = 0;
  if (words.size() != 2 || !absl::SimpleAtoi(words[0], &first) ||
      !absl::SimpleAtoi(words[1], &last) || first == 0 || last < first || last > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no range of ports"));
  }
  return PortRange{static_cast<uint16_t>(first), static_cast<uint16_t>(last)};
}

absl::StatusOr<PortSet> ParsePortList(absl::string_view text) {
  PortSet ports;
  for (const absl::string_view part :
       absl::StrSplit(text, absl::ByAnyChar(",\n"), absl::SkipEmpty())) {
    const std::vector<absl::string_view> ends = absl::StrSplit(part, '-');
    uint32_t first = 0;
    uint32_t last = 0;
    if (ends.size() > 2 || !absl::SimpleAtoi(ends.front(), &first) ||
        !absl::SimpleAtoi(ends.back(), &last) || last < first || last > 65535) {
      return absl::InvalidArgumentError(absl::StrCat("'", part, "' is no port or range of ports"));
    }
    for (size_t port = first; port <= last; ++port) ports.set(port);
  }
  return ports;
}

}  // namespace tcpfleet::agent
