#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/audit/host_facts.h"
#include "controller/audit/sysctl_list.h"
#include "controller/fleet/fleet.h"
#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::controller {

class SysctlCache;

// What one agent answered.
struct SysctlReading {
  // Not OK: the agent failed; what had arrived is here and not whole.
  absl::Status status;
  SysctlList sysctls;  // ascending by key
  std::vector<v1::SysctlFileProblem> problems;
  std::vector<std::string> unmatched;
  uint64_t dropped = 0;
  std::string content_hash;  // as the agent says; empty: none
  // Of an answer that was in the cache and is the agent's still: what was kept with it.
  std::optional<HostFacts> facts;
};

// One entry per member, in order. An agent that sends keys that are none, or not in their order,
// has failed (DataLoss). What the cache has is asked for only if it has changed, and the cache gets
// what is new.
std::vector<SysctlReading> ReadSysctls(Fleet& fleet, const v1::ReadSysctlsRequest& request,
                                       const std::stop_token& stop, SysctlCache* cache = nullptr);

}  // namespace tcpfleet::controller
