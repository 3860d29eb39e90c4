#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <stop_token>
#include <vector>

#include "common/sockets/connection_sample.h"
#include "controller/fleet/fleet.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::controller {

struct AgentSnapshot {
  // Not OK: the agent failed, and `connections` holds what had arrived.
  absl::Status status = absl::CancelledError("interrupted");
  std::vector<sockets::ConnectionSample> connections;
  v1::Completeness completeness;  // summed over its frames
};

// Bytes of frames kept of one agent; what sends more has failed (ResourceExhausted).
inline constexpr size_t kMostSnapshotBytes = size_t{256} << 20;

// Every matching connection of every agent, each agent within fleet.timeout(). One entry per
// member, in order. When `stop` is requested the calls under way are cancelled.
std::vector<AgentSnapshot> CollectSnapshots(Fleet& fleet, const v1::SnapshotRequest& request,
                                            const std::stop_token& stop = {});

}  // namespace tcpfleet::controller
