#include "controller/campaign/junit.h"

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include <vector>

#include "controller/cli/junit_xml.h"
#include "controller/stress/options.h"

namespace tcpfleet::controller {
namespace {

std::string KindOf(absl::string_view verdict) {
  return verdict == "PASS" ? "" : verdict == "FAIL" ? "failure" : "error";
}

void AddThresholds(const v1::StressReport& report, std::vector<JUnitCase>& cases) {
  for (const v1::ThresholdResult& threshold : report.thresholds()) {
    cases.push_back({threshold.expression(), report.total().measured_seconds(),
                     threshold.passed() ? "" : "failure",
                     threshold.has_observed() ? absl::StrCat("observed ", threshold.observed())
                                              : "nothing to observe"});
  }
}

void AddRuns(const v1::CampaignReport& campaign, std::vector<JUnitCase>& cases) {
  // A rate that does not hold is a result of a search, not a failure.
  if (campaign.kind() == "find-max" || campaign.kind() == "compare") return;
  int number = 0;
  for (const v1::CampaignRun& run : campaign.runs()) {
    cases.push_back({absl::StrCat("run ", ++number, " (", run.label(), ")"),
                     run.report().total().measured_seconds(), KindOf(run.report().verdict()),
                     run.report().verdict_reason()});
  }
}

}  // namespace

std::string JUnitXml(const v1::SavedRun& saved) {
  const bool is_campaign = saved.has_campaign();
  const v1::StressReport& first = is_campaign && saved.campaign().runs_size() > 0
                                      ? saved.campaign().runs(0).report()
                                      : saved.report();
  std::vector<JUnitCase> cases;
  if (is_campaign) {
    AddRuns(saved.campaign(), cases);
  } else {
    AddThresholds(saved.report(), cases);
  }
  const std::string& verdict = is_campaign ? saved.campaign().verdict() : saved.report().verdict();
  cases.push_back({"verdict", first.total().measured_seconds(), KindOf(verdict),
                   absl::StrCat(verdict, ": ",
                                is_campaign ? saved.campaign().verdict_reason()
                                            : saved.report().verdict_reason())});
  return JUnitDocument(
      absl::StrCat("tcpfleet stress ", WorkloadName(first.run().spec().workload())),
      "tcpfleet.stress", absl::FromUnixSeconds(first.run().start().seconds()), cases);
}

}  // namespace tcpfleet::controller
