// Ports as the kernel's settings write them.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <bitset>
#include <cstdint>

namespace tcpfleet::agent {

using PortSet = std::bitset<65536>;

struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;
};

// "32768\t60999\n". InvalidArgument when the text is not two ordered ports.
absl::StatusOr<PortRange> ParsePortRange(absl::string_view text);
// "8080,9148-9150\n", or nothing. InvalidArgument otherwise.
absl::StatusOr<PortSet> ParsePortList(absl::string_view text);

}  // namespace tcpfleet::agent
