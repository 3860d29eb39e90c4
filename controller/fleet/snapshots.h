#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "common/sockets/connection_sample.h"
#include "controller/fleet/fleet.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::controller {

struct AgentSnapshot {
  // Not OK: the agent failed, and `connections` holds what had arrived.
  absl::Status status = absl::CancelledError("interrupted");
  bool asked = true;
  std::vector<sockets::ConnectionSample> connections;
  v1::Completeness completeness;  // summed over its frames
  int64_t monotonic_ns = 0;       // the agent's, of its last frame; 0: none came
};

// Adds the rows and counts of a frame of a snapshot. Frames are decoded once all have come: gRPC is
// not held up.
absl::Status AddFrame(const v1::ConnectionFrame& frame, AgentSnapshot& snapshot);

// What to ask an agent; nothing when it is not to be asked.
using SnapshotRequestFor = std::function<std::optional<v1::SnapshotRequest>(const AgentTarget&)>;

// Every matching connection of every agent, each agent within fleet.timeout(). One entry per
// member, in order. When `stop` is requested the calls under way are cancelled.
std::vector<AgentSnapshot> CollectSnapshots(Fleet& fleet, const SnapshotRequestFor& request_for,
                                            const std::stop_token& stop = {});

}  // namespace tcpfleet::controller
