#include "controller/campaign/junit.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/time/time.h>

#include <vector>

#include "controller/cli/text.h"
#include "controller/stress/options.h"

namespace tcpfleet::controller {
namespace {

struct Case {
  std::string name;
  double seconds = 0;
  std::string kind;  // empty: passed; failure: a check failed; error: nothing can be said
  std::string message;
};

// Attribute text. XML 1.0 has no way to write control characters: they are '?', as is broken UTF-8.
std::string Escaped(absl::string_view text) {
  std::string escaped;
  for (const char c : Printable(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string KindOf(absl::string_view verdict) {
  return verdict == "PASS" ? "" : verdict == "FAIL" ? "failure" : "error";
}

void AddThresholds(const v1::StressReport& report, std::vector<Case>& cases) {
  for (const v1::ThresholdResult& threshold : report.thresholds()) {
    cases.push_back({threshold.expression(), report.total().measured_seconds(),
                     threshold.passed() ? "" : "failure",
                     threshold.has_observed() ? absl::StrCat("observed ", threshold.observed())
                                              : "nothing to observe"});
  }
}

void AddRuns(const v1::CampaignReport& campaign, std::vector<Case>& cases) {
  // A rate that does not hold is a result of a search, not a failure.
  if (campaign.kind() == "find-max" || campaign.kind() == "compare") return;
  int number = 0;
  for (const v1::CampaignRun& run : campaign.runs()) {
    cases.push_back({absl::StrCat("run ", ++number, " (", run.label(), ")"),
                     run.report().total().measured_seconds(), KindOf(run.report().verdict()),
                     run.report().verdict_reason()});
  }
}

std::string CaseXml(const Case& test_case) {
  std::string xml =
      absl::StrFormat("    <testcase classname=\"tcpfleet.stress\" name=\"%s\" time=\"%.3f\"",
                      Escaped(test_case.name), test_case.seconds);
  if (test_case.kind.empty()) return absl::StrCat(xml, "/>\n");
  return absl::StrCat(xml, ">\n      <", test_case.kind, " message=\"", Escaped(test_case.message),
                      "\"/>\n    </testcase>\n");
}

}  // namespace

std::string JUnitXml(const v1::SavedRun& saved) {
  const bool is_campaign = saved.has_campaign();
  const v1::StressReport& first = is_campaign && saved.campaign().runs_size() > 0
                                      ? saved.campaign().runs(0).report()
                                      : saved.report();
  std::vector<Case> cases;
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
  int failures = 0;
  int errors = 0;
  double seconds = 0;
  std::string body;
  for (const Case& test_case : cases) {
    failures += test_case.kind == "failure" ? 1 : 0;
    errors += test_case.kind == "error" ? 1 : 0;
    seconds = std::max(seconds, test_case.seconds);
    body += CaseXml(test_case);
  }
  const absl::string_view workload = WorkloadName(first.run().spec().workload());
  return absl::StrCat(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n",
      absl::StrFormat("  <testsuite name=\"tcpfleet stress %s\" tests=\"%d\" failures=\"%d\" "
                      "errors=\"%d\" time=\"%.3f\" timestamp=\"%s\">\n",
                      Escaped(workload), cases.size(), failures, errors, seconds,
                      absl::FormatTime("%Y-%m-%dT%H:%M:%S",
                                       absl::FromUnixSeconds(first.run().start().seconds()),
                                       absl::UTCTimeZone())),
      body, "  </testsuite>\n</testsuites>\n");
}

}  // namespace tcpfleet::controller
