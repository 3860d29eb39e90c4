// What `tcpfleet stress` was asked to do, of one run or several: checked before anything runs.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "controller/campaign/given_options.h"
#include "controller/campaign/run_log.h"

namespace tcpfleet::controller {

struct Campaign {
  enum class Kind { kSingle, kRepeat, kFindMax, kAb };
  Kind kind = Kind::kSingle;
  GivenOptions options;  // of each run
  int times = 1;         // runs of kRepeat, pairs of kAb
  std::vector<std::string> bounds;
  GivenOptions a;
  GivenOptions b;
};

// InvalidArgument, also for what would only show in a later run.
absl::StatusOr<Campaign> PlanCampaign(const GivenOptions& given);

// Not of kSingle.
absl::StatusOr<CampaignResult> RunCampaign(const Campaign& campaign, TrialRunner runner,
                                           const RunListener& listener);

}  // namespace tcpfleet::controller
