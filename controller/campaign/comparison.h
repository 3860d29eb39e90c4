// Two sets of runs, A and B, number by number.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <string>
#include <vector>

#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// Every headline number over the runs that observed it.
std::vector<v1::NumberSpread> SpreadsOf(absl::Span<const v1::StressReport* const> runs);

// Runs labelled A and B with the same pair number: the median of the pairs' ratios B/A, with its
// sign-test interval. A pair of which one run does not count is left out.
std::vector<v1::NumberComparison> ComparePairs(const v1::CampaignReport& campaign);

// Runs that were not made in turn: ratio of geometric means, with Welch's interval.
std::vector<v1::NumberComparison> CompareGroups(absl::Span<const v1::StressReport* const> a,
                                                absl::Span<const v1::StressReport* const> b);

// Two files of saved runs. FailedPrecondition when one of them holds no run that counts.
absl::StatusOr<v1::CampaignReport> CompareSaved(const v1::SavedRun& a, const v1::SavedRun& b);

// Versions, kernels and settings of the hosts that are not alike; hosts that only one has.
std::vector<v1::Difference> HostDifferences(const v1::SavedRun& a, const v1::SavedRun& b);

// "5 of 9 numbers differ: ..."
std::string ConclusionOf(const v1::CampaignReport& campaign);

}  // namespace tcpfleet::controller
