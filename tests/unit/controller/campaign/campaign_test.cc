#include "controller/campaign/campaign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "controller/campaign/campaign_text.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/campaign/fake_runs.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::Checked;
using tests::FakeReport;
using tests::Options;
using tests::RateOf;
using tests::StatusIs;

GivenOptions With(std::vector<std::pair<std::string, std::vector<std::string>>> more) {
  GivenOptions options = Options({{"workload", {"crr"}}, {"target", {"a:1"}}});
  options.ReplaceBy(Options(std::move(more)));
  return options;
}

void ExpectRefused(const GivenOptions& options, const std::string& message) {
  EXPECT_THAT(PlanCampaign(options).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
}

TEST(PlanCampaign, TellsTheKindsApart) {
  EXPECT_EQ(PlanCampaign(With({}))->kind, Campaign::Kind::kSingle);
  EXPECT_EQ(PlanCampaign(With({{"repeat", {"1"}}}))->kind, Campaign::Kind::kSingle);
  EXPECT_EQ(PlanCampaign(With({{"repeat", {"5"}}}))->times, 5);
  EXPECT_EQ(PlanCampaign(With({{"find-max", {"ratePerSecond>1"}}}))->kind,
            Campaign::Kind::kFindMax);
  const auto ab = PlanCampaign(With({{"ab", {"--close rst", "--close fin"}}}));
  ASSERT_TRUE(ab.ok()) << ab.status();
  EXPECT_EQ(ab->times, 7);
  EXPECT_THAT(ab->a.Get("close"), ElementsAre("rst"));
  EXPECT_THAT(ab->b.Get("close"), ElementsAre("fin"));
  EXPECT_THAT(ab->b.Get("target"), ElementsAre("a:1"));
}

TEST(PlanCampaign, RefusesBeforeAnythingRuns) {
  ExpectRefused(GivenOptions(), "no workload");
  ExpectRefused(With({{"repeat", {"0"}}}), "--repeat");
  ExpectRefused(With({{"repeat", {"101"}}}), "--repeat");
  ExpectRefused(With({{"rate", {"fast"}}}), "--rate");
  ExpectRefused(With({{"find-max", {"responseLatency.p99<2"}}}), "--find-max");
  ExpectRefused(With({{"find-max", {"ratePerSecond>1"}}, {"repeat", {"2"}}}), "exclude each other");
  ExpectRefused(With({{"ab", {"--close rst"}}}), "--ab: takes the options of A and those of B");
  ExpectRefused(With({{"ab", {"--close rst", "--close shut"}}}), "--ab, options of B: --close");
  ExpectRefused(With({{"ab", {"--clsoe rst", ""}}}), "'close'?");
  ExpectRefused(With({{"close", {"fin"}}, {"ab", {"--close fin", ""}}}), "A and B are the same");
}

TEST(PrintCampaign, ShowsASearch) {
  const auto campaign =
      PlanCampaign(With({{"find-max", {"responseLatencyUs.p99<2000"}}, {"rate", {"20k"}}}));
  ASSERT_TRUE(campaign.ok());
  const auto result = RunCampaign(
      *campaign,
      [](const Trial& trial) {
        return Checked(trial, FakeReport(RateOf(trial), RateOf(trial) > 30'000 ? 9'000 : 1'500));
      },
      tests::Ignore);
  ASSERT_TRUE(result.ok());
  std::ostringstream out;
  PrintCampaign(out, result->report, 0, false);
  tests::ExpectGolden("find_max.txt", out.str());
}

TEST(PrintCampaign, ShowsAComparison) {
  const auto campaign = PlanCampaign(With({{"ab", {"--close rst", "--close fin"}}}));
  ASSERT_TRUE(campaign.ok());
  int run = 0;
  const auto result = RunCampaign(
      *campaign,
      [&](const Trial& trial) {
        const double drift = 1 + 0.01 * (run++ / 2);
        const bool is_b = trial.options.Get("close")[0] == "fin";
        return Checked(trial, FakeReport(1'000 * drift * (is_b ? 0.8 : 1), 400 + run % 3));
      },
      tests::Ignore);
  ASSERT_TRUE(result.ok());
  std::ostringstream out;
  PrintCampaign(out, result->report, 100, false);
  tests::ExpectGolden("ab.txt", out.str());
}

TEST(CampaignCsv, HasAsManyCellsAsColumns) {
  v1::CampaignReport report;
  *report.add_runs()->mutable_report() = FakeReport(1'000, 400);
  EXPECT_EQ(CampaignCsvRows(report).at(0).size(), CampaignCsvHeader().size());
}

}  // namespace
}  // namespace tcpfleet::controller
