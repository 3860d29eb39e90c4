// --shape, and what a spec's schedule adds up to. Pure.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include <optional>

#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::controller {

inline constexpr int kMostRateSteps = 1'000;
inline constexpr int kMostStorms = 64;

// Reads the times, the workload and rate_per_second of `spec` and sets the shape's fields; rates
// come from a shape or from rate_per_second, not from both.
absl::Status ParseShape(absl::string_view text, v1::StressSpec& spec);

// Operations are started by a schedule, not by the end of those before.
bool IsOpenLoop(const v1::StressSpec& spec);

// When the first operation of a client is due, seconds after the start; absent where it is at
// random or the client's own choice. `spec` is the client's, with its share.
std::optional<double> FirstDueSeconds(const v1::StressSpec& spec);

// Operations due in the measured time; absent in a closed loop, and where operations are
// connections that stay (hold and stream), whose number says what was asked.
std::optional<double> ScheduledOperations(const v1::StressSpec& spec);

}  // namespace tcpfleet::controller
