// Evidence from the agents of a fleet.
//
// Threads: the calling thread; gRPC's own inside the calls.
// Bounds:  kMostSamples snapshots of each host, kMostConnections connections in each sample and
//          fewer in a large fleet; what is left out is counted. Where looking at all sockets costs
//          an agent much, samples between the first and the last have listeners only, so that it
//          takes kMostCpuShare of a CPU or the two looks.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <stop_token>

#include "common/base/clock.h"
#include "controller/diagnose/rules.h"
#include "controller/fleet/fleet.h"
#include "tcpfleet/v1/diagnosis.pb.h"

namespace tcpfleet::controller {

inline constexpr int kLeastSamples = 5;
inline constexpr int kMostSamples = 31;
inline constexpr int kMostConnections = 10'000;
inline constexpr double kMostCpuShare = 0.1;

struct CollectionOptions {
  absl::Duration window = absl::Seconds(10);
  // Of every network namespace the agents can enter, not only of their own.
  bool all_namespaces = false;
  int most_connections = kMostConnections;
  // After each sample: how many were taken, of how many.
  std::function<void(int taken, int of)> on_sample = {};
};

// What the rules need, over the window. An agent that fails is in `failures` and not asked again;
// what it had said stays when there is a snapshot in it. When `stop` is requested what has come is
// kept.
v1::EvidenceBundle CollectEvidence(std::unique_ptr<Fleet> fleet, const RuleSelection& selection,
                                   const CollectionOptions& options, base::Clock& clock,
                                   const std::stop_token& stop);

}  // namespace tcpfleet::controller
