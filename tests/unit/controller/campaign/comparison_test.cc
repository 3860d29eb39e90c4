#include "controller/campaign/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/campaign/repeat.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/campaign/fake_runs.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::Checked;
using tests::FakeReport;
using tests::Options;
using tests::StatusIs;

const v1::NumberComparison* Find(const v1::CampaignReport& report, const std::string& name) {
  for (const v1::NumberComparison& comparison : report.comparisons()) {
    if (comparison.name() == name) return &comparison;
  }
  return nullptr;
}

std::vector<std::string> Labels(const v1::CampaignReport& report) {
  std::vector<std::string> labels;
  for (const v1::CampaignRun& run : report.runs()) labels.push_back(run.label());
  return labels;
}

GivenOptions Base() { return Options({{"workload", {"crr"}}, {"target", {"a:1"}}}); }

TEST(CompareInTurns, SeesASmallDifferenceThroughALargeDrift) {
  GivenOptions b = Base();
  ASSERT_TRUE(b.Set("socket-option", {"congestion=bbr"}).ok());
  int run = 0;
  const auto result = CompareInTurns(
      Base(), b, 7,
      [&](const Trial& trial) {
        const double drift = 1 + 0.2 * (run++ / 2);  // the machine gets faster from pair to pair
        const bool is_b = trial.options.Has("socket-option");
        return Checked(trial, FakeReport(drift * (is_b ? 1'050 : 1'000), 400));
      },
      tests::Ignore);
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(Labels(result->report),
              ElementsAre("A", "B", "B", "A", "A", "B", "B", "A", "A", "B", "B", "A", "A", "B"));
  const v1::NumberComparison* const rate = Find(result->report, "ratePerSecond");
  ASSERT_NE(rate, nullptr);
  EXPECT_NEAR(rate->ratio(), 1.05, 1e-9);
  EXPECT_TRUE(rate->conclusive());
  EXPECT_NEAR(rate->confidence_percent(), 98.4375, 1e-6);
  const v1::NumberComparison* const latency = Find(result->report, "responseLatencyUs.p99");
  ASSERT_NE(latency, nullptr);
  EXPECT_FALSE(latency->conclusive());
  ASSERT_EQ(result->report.differences_size(), 1);
  EXPECT_EQ(result->report.differences(0).what(), "--socket-option");
  EXPECT_EQ(result->exit_code, kOk);
}

TEST(CompareInTurns, SaysWhenNothingIsConclusive) {
  const auto result = CompareInTurns(
      Base(), Base(), 3, [](const Trial& trial) { return Checked(trial, FakeReport(1'000, 400)); },
      tests::Ignore);
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->report.verdict_reason(), HasSubstr("NOT CONCLUSIVE"));
  EXPECT_FALSE(Find(result->report, "ratePerSecond")->has_ratio_low());
}

TEST(RepeatRuns, TellsTheSpreadAndAdvancesTheSeed) {
  GivenOptions options = Base();
  ASSERT_TRUE(options.Set("arrivals", {"exponential"}).ok());
  ASSERT_TRUE(options.Set("seed", {"40"}).ok());
  std::vector<std::string> seeds;
  const auto result = RepeatRuns(
      options, 3,
      [&](const Trial& trial) {
        seeds.push_back(ArgumentsOf(trial).seed);
        return Checked(trial, FakeReport(1'000.0 + 10 * static_cast<double>(seeds.size()), 400));
      },
      tests::Ignore);
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(seeds, ElementsAre("40", "41", "42"));
  const v1::NumberSpread& rate = result->report.numbers(0);
  EXPECT_EQ(rate.name(), "ratePerSecond");
  EXPECT_EQ(rate.median(), 1'020);
  EXPECT_EQ(rate.min(), 1'010);
  EXPECT_EQ(rate.max(), 1'030);
  EXPECT_NEAR(rate.variation_percent(), 100 * 10 / 1'020.0, 1e-9);
}

TEST(RepeatRuns, MakesAnInvalidRunAgainOnce) {
  int run = 0;
  const auto result = RepeatRuns(
      Base(), 3,
      [&](const Trial& trial) {
        TrialResult made = Checked(trial, FakeReport(1'000, 400));
        if (++run == 2) {
          made.report.set_verdict("INVALID");
          made.report.set_verdict_reason("a2 was late");
          made.exit_code = kPartial;
        }
        return made;
      },
      tests::Ignore);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->report.runs_size(), 4);
  EXPECT_EQ(result->report.runs(1).note(), "does not count: a2 was late");
  EXPECT_EQ(result->report.numbers(0).runs(), 3);
  EXPECT_EQ(result->exit_code, kOk);
}

TEST(RepeatRuns, FailsWhenOneRunFails) {
  GivenOptions options = Base();
  ASSERT_TRUE(options.Set("threshold", {"ratePerSecond>1000"}).ok());
  int run = 0;
  const auto result = RepeatRuns(
      options, 3, [&](const Trial& trial) { return Checked(trial, FakeReport(999 + run++, 400)); },
      tests::Ignore);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->report.verdict(), "FAIL");
  EXPECT_THAT(result->report.verdict_reason(), HasSubstr("2 of 3 runs failed"));
  EXPECT_EQ(result->exit_code, kCheckFailed);
}

v1::SavedRun Saved(const std::vector<double>& rates) {
  v1::SavedRun saved;
  v1::SavedOption& option = *saved.add_options();
  option.set_name("workload");
  option.add_values("crr");
  saved.mutable_campaign()->set_kind("repeat");
  for (const double rate : rates) {
    v1::CampaignRun& run = *saved.mutable_campaign()->add_runs();
    run.set_label("run");
    *run.mutable_report() = FakeReport(rate, 400);
  }
  return saved;
}

TEST(CompareSaved, ComparesRepeatedRuns) {
  const auto compared =
      CompareSaved(Saved({1'000, 1'010, 990, 1'005}), Saved({1'200, 1'210, 1'190, 1'205}));
  ASSERT_TRUE(compared.ok());
  const v1::NumberComparison* const rate = Find(*compared, "ratePerSecond");
  ASSERT_NE(rate, nullptr);
  EXPECT_NEAR(rate->ratio(), 1.2, 0.005);
  EXPECT_TRUE(rate->conclusive());
  EXPECT_GT(rate->ratio_low(), 1.17);
  EXPECT_LT(rate->ratio_high(), 1.23);
}

TEST(CompareSaved, ConcludesNothingFromOneRunEach) {
  const auto compared = CompareSaved(Saved({1'000}), Saved({5'000}));
  ASSERT_TRUE(compared.ok());
  EXPECT_FALSE(Find(*compared, "ratePerSecond")->conclusive());
  EXPECT_NEAR(Find(*compared, "ratePerSecond")->ratio(), 5, 1e-9);
  EXPECT_THAT(compared->verdict_reason(), HasSubstr("too few runs"));
}

TEST(CompareSaved, SaysWhatIsNotAlike) {
  v1::SavedRun a = Saved({1'000});
  v1::SavedRun b = Saved({1'000});
  v1::SavedOption& rate = *b.add_options();
  rate.set_name("rate");
  rate.add_values("5k");
  for (const char* const name : {"web01", "web02"}) {
    for (v1::SavedRun* const saved : {&a, &b}) {
      v1::SavedHost& host = *saved->add_hosts();
      host.set_name(name);
      host.set_role("client");
      host.mutable_host()->set_kernel(saved == &a ? "6.1" : "6.12");
      (*host.mutable_settings())["net.ipv4.tcp_rmem"] = "4096 131072 6291456";
    }
  }
  const auto compared = CompareSaved(a, b);
  ASSERT_TRUE(compared.ok());
  ASSERT_EQ(compared->differences_size(), 2);
  EXPECT_EQ(compared->differences(0).what(), "--rate");
  EXPECT_EQ(compared->differences(0).b(), "5k");
  EXPECT_EQ(compared->differences(1).what(), "web[01-02] (2): kernel");
  EXPECT_EQ(compared->differences(1).a(), "6.1");
}

TEST(CompareSaved, RefusesFilesWithoutAMeasuredRun) {
  EXPECT_THAT(CompareSaved(Saved({1'000}), Saved({})).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("B: holds no run")));
}

}  // namespace
}  // namespace tcpfleet::controller
