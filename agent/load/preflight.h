// What will probably break in a run on this host, said before it starts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/load/plan.h"

namespace tcpfleet::agent {

// Settings of the host that bound a run; absent when they could not be read.
struct HostBounds {
  std::optional<uint64_t> open_files;  // soft RLIMIT_NOFILE
  std::optional<uint64_t> ports;       // size of net.ipv4.ip_local_port_range
  std::optional<uint64_t> somaxconn;   // net.core.somaxconn
};

HostBounds ReadHostBounds();

// "32768\t60999\n": how many ports; nothing when the text is not two ordered ports.
std::optional<uint64_t> PortsInRange(const std::string& text);

// One line per trouble, with the setting that changes it.
std::vector<std::string> PreflightWarnings(const RunPlan& plan, const HostBounds& bounds);

}  // namespace tcpfleet::agent
