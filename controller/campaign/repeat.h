// --repeat: the same run several times; --ab: two option sets in turn, ABBA.
#pragma once

#include <absl/status/statusor.h>

#include "controller/campaign/run_log.h"

namespace tcpfleet::controller {

inline constexpr uint64_t kMostRepeats = 100;
inline constexpr int kDefaultPairs = 7;

// Every run with the next seed where arrivals are random.
absl::StatusOr<CampaignResult> RepeatRuns(const GivenOptions& options, int times,
                                          TrialRunner runner, const RunListener& listener);

// Both runs of a pair with the same seed.
absl::StatusOr<CampaignResult> CompareInTurns(const GivenOptions& a, const GivenOptions& b,
                                              int pairs, TrialRunner runner,
                                              const RunListener& listener);

}  // namespace tcpfleet::controller
