// --find-max: the highest total rate that keeps the bounds.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "controller/campaign/run_log.h"

namespace tcpfleet::controller {

inline constexpr int kMostSearchRuns = 25;
// Runs of the search last this part of the options' duration, those that confirm all of it.
inline constexpr int kSearchDivisor = 3;
// A run that achieves less than this share of its rate does not hold it.
inline constexpr double kLeastAchieved = 0.95;

// The options' own thresholds are bounds too. Begins at the options' rate, else at half of what a
// closed-loop run achieves.
absl::StatusOr<CampaignResult> FindMaximum(const GivenOptions& options,
                                           const std::vector<std::string>& bounds,
                                           TrialRunner runner, const RunListener& listener);

}  // namespace tcpfleet::controller
