#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/fleet/fleet.h"
#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::controller {

// What one agent answered.
struct SysctlReading {
  // Not OK: the agent failed; what had arrived is here and not whole.
  absl::Status status;
  std::vector<v1::Sysctl> sysctls;  // ascending by key
  std::vector<v1::SysctlFileProblem> problems;
  std::vector<std::string> unmatched;
  uint64_t dropped = 0;
};

// One entry per member, in order. An agent that sends keys that are none, or not in their order,
// has failed (DataLoss).
std::vector<SysctlReading> ReadSysctls(Fleet& fleet, const v1::ReadSysctlsRequest& request,
                                       const std::stop_token& stop);

}  // namespace tcpfleet::controller
