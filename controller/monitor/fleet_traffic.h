// What the connections of all hosts are made of, in one round.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::controller {

struct FleetTraffic {
  std::map<std::string, uint64_t> states;     // as ss(8) names them
  std::map<uint32_t, uint64_t> local_ports;   // connections; of each host its largest groups
  std::map<std::string, uint64_t> processes;  // the same, by name of the process

  void Add(const v1::KernelSnapshot& snapshot);
};

}  // namespace tcpfleet::controller
