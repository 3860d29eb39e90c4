#include "controller/stress/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;

v1::StressReport GoodReport() {
  v1::StressReport report;
  report.mutable_total()->set_attempted(10);
  report.mutable_total()->set_succeeded(9);
  v1::RunResult& agent = *report.add_agents();
  agent.set_name("a");
  agent.set_role("client");
  agent.set_first_syn_offset_us(500);
  agent.set_clock_uncertainty_us(100);
  return report;
}

void AddFailure(v1::StressReport& report, const std::string& kind) {
  v1::AgentFailure& failure = *report.add_failures();
  failure.set_name("b");
  failure.set_kind(kind);
  failure.set_cause("cause");
}

void AddBrokenThreshold(v1::StressReport& report) {
  v1::ThresholdResult& threshold = *report.add_thresholds();
  threshold.set_expression("failedPercent<1");
  threshold.set_observed(3);
}

void ExpectVerdict(const Verdict& verdict, const std::string& name, ExitCode code,
                   const std::string& reason) {
  EXPECT_EQ(verdict.name, name);
  EXPECT_EQ(verdict.exit_code, code);
  EXPECT_THAT(verdict.reason, HasSubstr(reason));
}

TEST(Verdict, PassesWhatHasNothingAgainstIt) {
  ExpectVerdict(Judge({}, GoodReport()), "PASS", kOk, "finished");
}

TEST(Verdict, FailsOnABrokenThreshold) {
  v1::StressReport report = GoodReport();
  AddBrokenThreshold(report);
  ExpectVerdict(Judge({}, report), "FAIL", kCheckFailed, "failedPercent<1 (observed 3)");
}

TEST(Verdict, FailsOnABrokenThresholdAlsoWhenAnAgentIsMissing) {
  v1::StressReport report = GoodReport();
  AddBrokenThreshold(report);
  AddFailure(report, "died");
  const Verdict verdict = Judge({}, report);
  ExpectVerdict(verdict, "FAIL", kCheckFailed, "failedPercent<1");
  EXPECT_THAT(verdict.reason, HasSubstr("part to the end: b"));
}

TEST(Verdict, FailsWhenTheGeneratorItselfWasTheLimit) {
  v1::StressReport report = GoodReport();
  (*report.mutable_total()->mutable_failed())["localFd"] = 1;
  ExpectVerdict(Judge({}, report), "FAIL", kCheckFailed, "own limits: localFd 1");
  report = GoodReport();
  (*report.mutable_total()->mutable_accept_failed())["localFd"] = 7;
  ExpectVerdict(Judge({}, report), "FAIL", kCheckFailed, "accept localFd 7");
  report = GoodReport();
  (*report.mutable_total()->mutable_failed())["localPort"] = 0;
  EXPECT_EQ(Judge({}, report).name, "PASS");
}

TEST(Verdict, FailsWhenNothingSucceededUnlessThresholdsDecide) {
  v1::StressReport report = GoodReport();
  report.mutable_total()->set_succeeded(0);
  ExpectVerdict(Judge({}, report), "FAIL", kCheckFailed, "no operation succeeded");
  v1::ThresholdResult& threshold = *report.add_thresholds();
  threshold.set_expression("failed.refused>0");
  threshold.set_passed(true);
  EXPECT_EQ(Judge({}, report).name, "PASS");
}

TEST(Verdict, IsPartialWhenAnAgentIsMissing) {
  v1::StressReport report = GoodReport();
  AddFailure(report, "died");
  ExpectVerdict(Judge({}, report), "PARTIAL", kPartial, "b");
}

TEST(Verdict, IsPartialWhenInterruptedWhateverElse) {
  v1::StressReport report;
  AddBrokenThreshold(report);
  AddFailure(report, "late");
  VerdictFacts facts;
  facts.interrupted = true;
  facts.elapsed_seconds = 3.25;
  facts.planned_seconds = 11;
  ExpectVerdict(Judge(facts, report), "PARTIAL", kAborted, "interrupted after 3.2 of 11.0 s");
}

TEST(Verdict, IsInvalidWhenAClientIsLate) {
  v1::StressReport report = GoodReport();
  AddFailure(report, "late");
  AddBrokenThreshold(report);
  ExpectVerdict(Judge({}, report), "INVALID", kPartial, "b cause");
}

TEST(Verdict, IsInvalidWhenAClientIsOffTheStartBeyondItsClock) {
  v1::StressReport report = GoodReport();
  report.mutable_agents(0)->set_first_syn_offset_us(100'090);
  EXPECT_EQ(Judge({}, report).name, "PASS");
  report.mutable_agents(0)->set_first_syn_offset_us(100'101);
  ExpectVerdict(Judge({}, report), "INVALID", kPartial, "a made its first connection 100 ms after");
  report.mutable_agents(0)->set_first_syn_offset_us(-200'000);
  ExpectVerdict(Judge({}, report), "INVALID", kPartial, "200 ms before");
}

TEST(Verdict, IsInvalidWhenCountersDoNotAddUp) {
  VerdictFacts facts;
  facts.broken_identities = {"a: 10 attempted are not 9"};
  ExpectVerdict(Judge(facts, GoodReport()), "INVALID", kCheckFailed, "a: 10 attempted are not 9");
}

TEST(Verdict, IsInvalidWhenNothingWasAttempted) {
  v1::StressReport report = GoodReport();
  report.mutable_total()->set_attempted(0);
  ExpectVerdict(Judge({}, report), "INVALID", kCheckFailed, "nothing was attempted");
  AddFailure(report, "died");
  ExpectVerdict(Judge({}, report), "INVALID", kPartial, "nothing was attempted");
}

TEST(Verdict, DistinguishesWhyNothingRan) {
  v1::StressReport report;
  AddFailure(report, "refused");
  AddFailure(report, "refused");
  VerdictFacts facts;
  facts.not_started = "no client was ready";
  facts.refusals = {absl::PermissionDeniedError("target"), absl::ResourceExhaustedError("limit")};
  ExpectVerdict(Judge(facts, report), "INVALID", kRefused, "no client was ready");
  facts.refusals = {absl::PermissionDeniedError("target"), absl::UnavailableError("gone")};
  EXPECT_EQ(Judge(facts, report).exit_code, kPartial);
  facts.refusals = {absl::PermissionDeniedError("target")};  // the other one did not answer
  EXPECT_EQ(Judge(facts, report).exit_code, kPartial);
  facts.refusals = {absl::InvalidArgumentError("spec"), absl::InvalidArgumentError("spec")};
  EXPECT_EQ(Judge(facts, report).exit_code, kUsage);
}

}  // namespace
}  // namespace tcpfleet::controller
