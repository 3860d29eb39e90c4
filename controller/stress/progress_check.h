// Whether what an agent reports can be true. Controllers take nothing an agent says on trust.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <string>

#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::controller {

inline constexpr int kMostFailureClasses = 64;
inline constexpr int kMostKernelCounters = 1024;
inline constexpr int kMostExemplars = 64;

// Everything but the histograms, which are checked where they are added. `targets`: of how many
// targets the agent was asked to tell by itself. InvalidArgument, one line.
absl::Status CheckProgress(const v1::Progress& progress, size_t targets);

// Empty when attempted = succeeded + failed + cancelled + in_flight; else both sides.
std::string IdentityProblem(const v1::RunCounters& counters);

}  // namespace tcpfleet::controller
