#include "controller/campaign/campaign.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "controller/campaign/find_max.h"
#include "controller/campaign/repeat.h"
#include "controller/cli/option_types.h"
#include "controller/stress/options.h"
#include "controller/stress/threshold.h"

namespace tcpfleet::controller {
namespace {

absl::StatusOr<int> ParseTimes(const GivenOptions& given, int otherwise) {
  if (!given.Has(kRepeatOption)) return otherwise;
  const auto times = ParseCountWithin(given.Get(kRepeatOption)[0], 1, kMostRepeats);
  if (!times.ok()) return base::WithContext("--repeat", times.status());
  return static_cast<int>(*times);
}

absl::Status CheckRuns(const GivenOptions& options) {
  return ParseStressOptions(options.ToArguments()).status();
}

absl::Status PlanFindMax(const GivenOptions& given, Campaign& campaign) {
  campaign.kind = Campaign::Kind::kFindMax;
  campaign.bounds = given.Get(kFindMaxOption);
  for (const std::string& bound : campaign.bounds) {
    TF_RETURN_IF_ERROR(base::WithContext("--find-max", ParseThreshold(bound).status()));
  }
  for (const absl::string_view other : {kRepeatOption, kAbOption}) {
    if (!given.Has(other)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--find-max and --", other, " exclude each other"));
  }
  for (const char* const other : {"shape", "rate-per-connection", "think-time"}) {
    if (!given.Has(other) || given.Get(other)[0] == "constant") continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--find-max and --", other,
                     " exclude each other: it looks for a constant rate of the whole fleet"));
  }
  GivenOptions searched;
  TF_RETURN_IF_ERROR(searched.Set("threshold", campaign.bounds));
  TF_RETURN_IF_ERROR(searched.Set("rate", {"1000"}));
  GivenOptions options = campaign.options;
  options.ExtendBy(searched);
  return CheckRuns(options);
}

absl::Status PlanAb(const GivenOptions& given, Campaign& campaign) {
  campaign.kind = Campaign::Kind::kAb;
  const std::vector<std::string> sides = given.Get(kAbOption);
  if (sides.size() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("--ab: takes the options of A and those of B, not ", sides.size(), " texts"));
  }
  for (const bool is_a : {true, false}) {
    const char* const context = is_a ? "--ab, options of A" : "--ab, options of B";
    const absl::StatusOr<GivenOptions> more = ParseOptionLine(sides[is_a ? 0 : 1]);
    if (!more.ok()) return base::WithContext(context, more.status());
    GivenOptions& side = is_a ? campaign.a : campaign.b;
    side = campaign.options;
    side.ExtendBy(*more);
    TF_RETURN_IF_ERROR(base::WithContext(context, CheckRuns(side)));
  }
  if (OptionDifferences(campaign.a, campaign.b).empty()) {
    return absl::InvalidArgumentError(
        "--ab: A and B are the same: how far equal runs differ is what --repeat tells");
  }
  TF_ASSIGN_OR_RETURN(campaign.times, ParseTimes(given, kDefaultPairs));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Campaign> PlanCampaign(const GivenOptions& given) {
  Campaign campaign;
  campaign.options = given.OfOneRun();
  if (!given.Has(kWorkloadOption)) {
    return absl::InvalidArgumentError(
        "no workload: write for example 'tcpfleet stress crr', or 'workload: crr' in the plan");
  }
  if (given.Has(kFindMaxOption)) {
    TF_RETURN_IF_ERROR(PlanFindMax(given, campaign));
  } else if (given.Has(kAbOption)) {
    TF_RETURN_IF_ERROR(PlanAb(given, campaign));
  } else {
    TF_RETURN_IF_ERROR(CheckRuns(campaign.options));
    TF_ASSIGN_OR_RETURN(campaign.times, ParseTimes(given, 1));
    if (campaign.times > 1) campaign.kind = Campaign::Kind::kRepeat;
  }
  return campaign;
}

absl::StatusOr<CampaignResult> RunCampaign(const Campaign& campaign, TrialRunner runner,
                                           const RunListener& listener) {
  switch (campaign.kind) {
    case Campaign::Kind::kFindMax:
      return FindMaximum(campaign.options, campaign.bounds, std::move(runner), listener);
    case Campaign::Kind::kAb:
      return CompareInTurns(campaign.a, campaign.b, campaign.times, std::move(runner), listener);
    case Campaign::Kind::kRepeat:
    case Campaign::Kind::kSingle:
      break;
  }
  return RepeatRuns(campaign.options, campaign.times, std::move(runner), listener);
}

}  // namespace tcpfleet::controller
