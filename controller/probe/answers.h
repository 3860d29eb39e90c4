// What one agent said of its tries, checked and summed up.
//
// Errors: DataLoss names what an agent cannot have meant: tries of addresses that it did not
//         resolve, more or fewer than were asked for, other numbers or longer text than agents
//         send.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "tcpfleet/v1/probe.pb.h"

namespace tcpfleet::controller {

inline constexpr int kMostProbeAddresses = 16;

// One path per address, in the resolver's order; without addresses, one that says why. `is_whole`:
// the agent has ended by itself, so nothing may be missing.
absl::StatusOr<std::vector<v1::ProbePath>> PathsOf(const std::string& agent,
                                                   const v1::ProbeRequest& request,
                                                   const std::vector<v1::ProbeResponse>& responses,
                                                   bool is_whole);

}  // namespace tcpfleet::controller
