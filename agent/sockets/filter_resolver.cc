#include "agent/sockets/filter_resolver.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>

#include <string>
#include <utility>
#include <vector>

#include "common/sys/file.h"
#include "common/sys/interface.h"

namespace tcpfleet::agent {

filter::Resolver HostResolver() {
  filter::Resolver resolver;
  resolver.device = sys::InterfaceIndex;
  const absl::StatusOr<std::string> range = sys::ReadFile("/proc/sys/net/ipv4/ip_local_port_range");
  if (!range.ok()) return resolver;  // the kernel's defaults stand there
  const std::vector<std::string> words =
      absl::StrSplit(*range, absl::ByAnyChar(" \t\n"), absl::SkipEmpty());
  uint32_t first = 0;
  uint32_t last = 0;
  if (words.size() == 2 && absl::SimpleAtoi(words[0], &first) &&
      absl::SimpleAtoi(words[1], &last) && first <= last && last <= UINT16_MAX) {
    resolver.first_ephemeral_port = static_cast<uint16_t>(first);
    resolver.last_ephemeral_port = static_cast<uint16_t>(last);
  }
  return resolver;
}

}  // namespace tcpfleet::agent
