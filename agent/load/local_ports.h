// The ports connections of this host may come from: those of net.ipv4.ip_local_port_range that are
// neither reserved (net.ipv4.ip_local_reserved_ports) nor listened on.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tcpfleet::agent {

using PortSet = std::bitset<65536>;

struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;
};

struct LocalPorts {
  PortRange range;
  // Of the range, how many are not usable, and why.
  size_t reserved = 0;
  size_t listening = 0;
  std::vector<uint16_t> usable;  // ascending
};

// Of the calling thread's network namespace.
absl::StatusOr<LocalPorts> ReadLocalPorts();

LocalPorts UsablePorts(const PortRange& range, const PortSet& reserved, const PortSet& listening);

// "32768\t60999\n". InvalidArgument when the text is not two ordered ports.
absl::StatusOr<PortRange> ParsePortRange(absl::string_view text);
// "8080,9148-9150\n", or nothing. InvalidArgument otherwise.
absl::StatusOr<PortSet> ParsePortList(absl::string_view text);

}  // namespace tcpfleet::agent
