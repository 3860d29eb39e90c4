#include "controller/campaign/find_max.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/campaign/fake_runs.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::Checked;
using tests::FakeReport;
using tests::Options;
using tests::RateOf;
using tests::StatusIs;

const std::vector<std::string> kBounds = {"responseLatencyUs.p99<2000"};

// An M/M/1 queue of this many operations per second.
double LatencyUs(double rate, double capacity) {
  return rate >= capacity ? 1e7 : 100 * capacity / (capacity - rate);
}

TrialResult QueueRun(const Trial& trial, double capacity) {
  const double rate = RateOf(trial);
  if (rate == 0) return Checked(trial, FakeReport(capacity, 300));
  return Checked(trial, FakeReport(std::min(rate, capacity), LatencyUs(rate, capacity)));
}

TEST(FindMaximum, FindsTheRateWhereLatencyReachesTheBound) {
  const GivenOptions options = Options({{"workload", {"crr"}}, {"target", {"a:1"}}});
  const auto result = FindMaximum(
      options, kBounds, [](const Trial& trial) { return QueueRun(trial, 40'000); }, tests::Ignore);
  ASSERT_TRUE(result.ok());
  const v1::FoundMaximum& maximum = result->report.maximum();
  EXPECT_GT(maximum.rate_per_second(), 38'000 / 1.05);  // 2000 us at 38,000/s
  EXPECT_LT(maximum.rate_per_second(), 38'000);
  EXPECT_GE(maximum.refuted_rate_per_second(), 38'000);
  EXPECT_EQ(maximum.confirmations(), 3);
  EXPECT_EQ(maximum.held(), 3);
  EXPECT_FALSE(maximum.generator_limited());
  ASSERT_EQ(maximum.observed_size(), 1);
  EXPECT_EQ(maximum.observed(0).name(), "responseLatencyUs.p99");
  EXPECT_LT(maximum.observed(0).max(), 2'000);
  EXPECT_EQ(result->report.verdict(), "PASS");
  EXPECT_EQ(result->exit_code, kOk);
  EXPECT_EQ(result->report.runs(0).label(), "probe");
  EXPECT_LE(result->report.runs_size(), kMostSearchRuns);
}

TEST(FindMaximum, BeginsAtTheRateOfTheOptions) {
  const GivenOptions options =
      Options({{"workload", {"crr"}}, {"target", {"a:1"}}, {"rate", {"5k"}}});
  const auto result = FindMaximum(
      options, kBounds, [](const Trial& trial) { return QueueRun(trial, 40'000); }, tests::Ignore);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->report.runs(0).label(), "search");
  EXPECT_EQ(result->report.runs(0).requested_rate_per_second(), 5'000);
}

TEST(FindMaximum, SearchesWithShortRunsAndConfirmsWithWholeOnes) {
  const GivenOptions options = Options(
      {{"workload", {"crr"}}, {"target", {"a:1"}}, {"rate", {"5k"}}, {"duration", {"30s"}}});
  const auto result = FindMaximum(
      options, kBounds,
      [](const Trial& trial) {
        EXPECT_EQ(ArgumentsOf(trial).duration, trial.label == "confirm" ? "30s" : "10s");
        return QueueRun(trial, 40'000);
      },
      tests::Ignore);
  EXPECT_TRUE(result.ok());
}

TEST(FindMaximum, SaysThatTheGeneratorIsTheLimit) {
  const GivenOptions options =
      Options({{"workload", {"crr"}}, {"target", {"a:1"}}, {"rate", {"1k"}}});
  const auto result = FindMaximum(
      options, kBounds,
      [](const Trial& trial) {
        v1::StressReport report = FakeReport(RateOf(trial), 500);
        report.set_generator_limited(RateOf(trial) > 10'000);
        return Checked(trial, report);
      },
      tests::Ignore);
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->report.maximum().generator_limited());
  EXPECT_LE(result->report.maximum().rate_per_second(), 10'000);
  EXPECT_THAT(result->report.verdict_reason(), HasSubstr("BY THE GENERATOR"));
}

TEST(FindMaximum, DoesNotHoldARateItDoesNotAchieve) {
  const GivenOptions options =
      Options({{"workload", {"crr"}}, {"target", {"a:1"}}, {"rate", {"1k"}}});
  const auto result = FindMaximum(
      options, kBounds,
      [](const Trial& trial) {
        return Checked(trial, FakeReport(std::min(RateOf(trial), 8'000.0), 500));
      },
      tests::Ignore);
  ASSERT_TRUE(result.ok());
  EXPECT_LE(result->report.maximum().rate_per_second(), 8'000 / 0.95);
  EXPECT_GT(result->report.maximum().rate_per_second(), 8'000 / 1.05);
}

TEST(FindMaximum, FailsWhenNoRateHolds) {
  const GivenOptions options =
      Options({{"workload", {"crr"}}, {"target", {"a:1"}}, {"rate", {"1k"}}});
  const auto result = FindMaximum(
      options, kBounds,
      [](const Trial& trial) { return Checked(trial, FakeReport(RateOf(trial), 1e6)); },
      tests::Ignore);
  ASSERT_TRUE(result.ok());
  EXPECT_FALSE(result->report.maximum().has_rate_per_second());
  EXPECT_EQ(result->report.verdict(), "FAIL");
  EXPECT_EQ(result->exit_code, kCheckFailed);
}

TEST(FindMaximum, SaysThatNoRunWasLeftToConfirm) {
  const GivenOptions options =
      Options({{"workload", {"crr"}}, {"target", {"a:1"}}, {"rate", {"1"}}});
  const auto result = FindMaximum(
      options, kBounds, [](const Trial& trial) { return QueueRun(trial, 1e12); }, tests::Ignore);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->report.runs_size(), kMostSearchRuns);
  EXPECT_EQ(result->report.maximum().confirmations(), 0);
  EXPECT_TRUE(result->report.maximum().exhausted());
  EXPECT_THAT(result->report.verdict_reason(), HasSubstr("no run was left to confirm it"));
}

TEST(FindMaximum, EndsWithTheRunThatWasInterrupted) {
  const GivenOptions options =
      Options({{"workload", {"crr"}}, {"target", {"a:1"}}, {"rate", {"1k"}}});
  const auto result = FindMaximum(
      options, kBounds,
      [runs = 0](const Trial& trial) mutable {
        TrialResult made = QueueRun(trial, 40'000);
        if (++runs < 3) return made;
        made.report.set_verdict("PARTIAL");
        made.report.set_verdict_reason("interrupted after 1.0 of 3.0 s");
        made.exit_code = kAborted;
        return made;
      },
      tests::Ignore);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->report.runs_size(), 3);
  EXPECT_EQ(result->report.verdict(), "PARTIAL");
  EXPECT_THAT(result->report.verdict_reason(), HasSubstr("interrupted after 1.0"));
  EXPECT_EQ(result->exit_code, kAborted);
}

TEST(FindMaximum, PassesOnWhyTheFirstRunCouldNotBeMade) {
  const GivenOptions options = Options({{"workload", {"crr"}}, {"target", {"a:1"}}});
  EXPECT_THAT(FindMaximum(
                  options, kBounds,
                  [](const Trial&) -> absl::StatusOr<TrialResult> {
                    return absl::InvalidArgumentError("--serve: no such agent");
                  },
                  tests::Ignore)
                  .status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--serve")));
}

}  // namespace
}  // namespace tcpfleet::controller
