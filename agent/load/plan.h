// A StressSpec that has been checked, with everything that does not change during the run worked
// out.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "agent/load/limits.h"
#include "agent/load/port_allocator.h"
#include "common/sys/socket_address.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

inline constexpr uint32_t kMostTargets = 1024;
inline constexpr uint32_t kMostThreads = 1024;
inline constexpr uint32_t kMostMessageBytes = 1u << 20;
inline constexpr uint32_t kMostPipeline = 1'024;
inline constexpr uint32_t kMostWeight = 1'000;

class Governor;

struct PlannedTarget {
  std::vector<base::Endpoint> endpoints;  // in the order they are tried
  std::vector<sys::SocketAddress> addresses;
};

struct RunPlan {
  v1::StressSpec spec;
  bool is_client = true;
  bool exchanges = false;     // crr and rr: requests and responses
  bool stays = false;         // hold and stream: an operation opens a connection, which then stays
  bool is_scheduled = false;  // operations have times of their own
  bool close_with_reset = true;
  v1::SocketOptions options;  // with defaults filled in
  uint32_t threads = 1;
  int64_t warmup_ns = 0;
  int64_t duration_ns = 0;
  int64_t cooldown_ns = 0;
  int64_t interval_ns = 0;
  int64_t connect_timeout_ns = 0;
  // Connection number n of the agent goes to target turns[n % turns.size()].
  std::vector<uint32_t> turns;
  std::vector<PlannedTarget> targets;  // filled by ResolveTargets
  PortPlan ports;                      // filled by PlanPorts
  Governor* governor = nullptr;        // outlives the run; null: nothing is limited
};

// Checks every field: InvalidArgument names the field and what would be right, PermissionDenied the
// agent's limit. `cpus` is the number of threads when the spec leaves it open.
absl::StatusOr<RunPlan> PlanRun(const v1::StressSpec& spec, const AgentLoadLimits& limits,
                                uint32_t cpus);

// Resolves the targets of a client. Blocks as long as the resolver does. NotFound for a name that
// does not resolve, PermissionDenied for an address outside the allowed networks.
absl::Status ResolveTargets(const AgentLoadLimits& limits, RunPlan& plan);

}  // namespace tcpfleet::agent
