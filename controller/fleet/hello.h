#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <stop_token>
#include <vector>

#include "common/base/clock.h"
#include "controller/fleet/fan_out.h"
#include "controller/fleet/fleet.h"
#include "tcpfleet/v1/host.pb.h"

namespace tcpfleet::controller {

inline constexpr int kClockProbes = 8;

// Estimated from the exchange with the smallest round trip: the offset is right within
// +- uncertainty_ns, however unevenly the two ways share the round trip.
struct ClockOffset {
  int64_t offset_ns = 0;       // agent's CLOCK_MONOTONIC minus ours
  int64_t uncertainty_ns = 0;  // half the smallest round trip
  int64_t smallest_round_trip_ns = 0;
  int64_t largest_round_trip_ns = 0;
};

struct Hello {
  absl::StatusOr<v1::DescribeResponse> host = absl::CancelledError("interrupted");
  ClockOffset clock;  // meaningful when host.ok()
};

// Asks one agent who it is and probes its clock. What is referred to must last until `done`, which
// is called once, from any thread.
void Greet(AgentClient& client, base::Clock& clock, absl::Duration timeout, Hello& hello,
           Done done);

// Asks every agent who it is and probes its clock kClockProbes times, one exchange after the other.
// Agents run in parallel, each within one fleet.timeout() in all. One entry per member, in order;
// Cancelled for those not asked because `stop` was requested.
std::vector<Hello> SayHello(Fleet& fleet, base::Clock& clock, const std::stop_token& stop = {});

}  // namespace tcpfleet::controller
