// The ports connections of this host may come from: those of net.ipv4.ip_local_port_range that are
// neither reserved (net.ipv4.ip_local_reserved_ports) nor listened on.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/kernel/port_range.h"

namespace tcpfleet::agent {

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

}  // namespace tcpfleet::agent
