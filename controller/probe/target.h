// What is probed, as it is typed: HOST:PORT.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <string>

namespace tcpfleet::controller {

struct ProbeTarget {
  std::string text;  // as it was given
  std::string host;  // a name, which agents resolve, or an address
  uint16_t port = 0;
};

// The port may be the name of a service of this host's services(5). InvalidArgument says what would
// be right.
absl::StatusOr<ProbeTarget> ParseProbeTarget(absl::string_view text);

}  // namespace tcpfleet::controller
