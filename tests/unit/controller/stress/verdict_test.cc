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

TEST(Verdict, FailsWhenTheGeneratorWasLateItself) {
  v1::StressReport report = GoodReport();
  report.mutable_total()->mutable_send_lateness_us()->set_p99(4'000);
  report.mutable_total()->mutable_response_latency_us()->set_p99(8'000);
  *report.mutable_agents(0)->mutable_send_lateness_us() = report.total().send_lateness_us();
  ExpectVerdict(Judge({}, report), "FAIL", kCheckFailed, "generator limited");
  EXPECT_THAT(GeneratorLateness(report), HasSubstr("on a"));
  report.add_failures()->set_name("b");  // that is worse
  EXPECT_EQ(Judge({}, report).name, "PARTIAL");
  report.clear_failures();
  report.mutable_total()->mutable_response_latency_us()->set_p99(8'001);  // not half of it
  EXPECT_EQ(Judge({}, report).name, "PASS");
  report.mutable_total()->mutable_send_lateness_us()->set_p99(999);  // nothing to speak of
  report.mutable_total()->mutable_response_latency_us()->set_p99(1'000);
  EXPECT_EQ(Judge({}, report).name, "PASS");
}

v1::StressReport Scheduled(double rate, uint64_t attempted, uint64_t succeeded) {
  v1::StressReport report = GoodReport();
  v1::StressSpec& spec = *report.mutable_run()->mutable_spec();
  spec.set_workload(v1::StressSpec::WORKLOAD_RR);
  spec.set_duration_ms(10'000);
  spec.set_rate_per_second(rate);
  report.mutable_total()->set_attempted(attempted);
  report.mutable_total()->set_succeeded(succeeded);
  report.mutable_total()->set_rate_per_second(static_cast<double>(succeeded) / 10);
  return report;
}

TEST(Verdict, FailsWhenShortOfTheRate) {
  EXPECT_EQ(Judge({}, Scheduled(100, 1'000, 950)).name, "PASS");
  ExpectVerdict(Judge({}, Scheduled(100, 1'000, 940)), "FAIL", kCheckFailed,
                "short of what was asked: 94/s of 100/s");
  v1::StressReport cut_off = Scheduled(100, 1'000, 900);
  cut_off.mutable_total()->set_cancelled(100);
  EXPECT_EQ(Judge({}, cut_off).name, "PASS");
  v1::StressReport random = Scheduled(100, 900, 890);  // so many arrived
  random.mutable_run()->mutable_spec()->mutable_arrivals();
  EXPECT_EQ(Judge({}, random).name, "PASS");
  v1::StressReport judged = Scheduled(100, 1'000, 500);
  v1::ThresholdResult& threshold = *judged.add_thresholds();
  threshold.set_expression("ratePerSecond>40");
  threshold.set_passed(true);
  EXPECT_EQ(Judge({}, judged).name, "PASS");
  v1::StressReport partial = Scheduled(100, 1'000, 500);
  AddFailure(partial, "died");
  EXPECT_EQ(Judge({}, partial).name, "PARTIAL");
}

TEST(Verdict, FailsWhenShortOfConnections) {
  v1::StressReport report = GoodReport();
  v1::StressSpec& spec = *report.mutable_run()->mutable_spec();
  spec.set_workload(v1::StressSpec::WORKLOAD_HOLD);
  spec.set_connections(100);
  report.mutable_total()->set_active(100);
  EXPECT_EQ(Judge({}, report).name, "PASS");
  report.mutable_total()->set_active(99);
  ExpectVerdict(Judge({}, report), "FAIL", kCheckFailed, "99 of 100 connections were open");
  spec.set_lifetime_ms(1'000);  // some are always being opened again
  EXPECT_EQ(Judge({}, report).name, "PASS");
  spec.set_workload(v1::StressSpec::WORKLOAD_CRR);  // how many are open is chance
  spec.set_lifetime_ms(0);
  EXPECT_EQ(Judge({}, report).name, "PASS");
}

TEST(Verdict, NamesTheThresholdThatEndedTheRun) {
  VerdictFacts facts;
  v1::ThresholdResult& broken = facts.aborted_by.emplace_back();
  broken.set_expression("failedPercent<1");
  broken.set_observed(3);
  facts.elapsed_seconds = 2;
  facts.planned_seconds = 11;
  ExpectVerdict(Judge(facts, GoodReport()), "FAIL", kCheckFailed,
                "stopped after 2.0 of 11.0 s: broken: failedPercent<1 (observed 3)");
}

TEST(Verdict, IsInvalidWhenPreFlightSaysItWouldBreak) {
  v1::StressReport report;
  for (const char* const name : {"a1", "a2"}) {
    v1::RunResult& agent = *report.add_agents();
    agent.set_name(name);
    agent.add_blockers("too few ports");
  }
  VerdictFacts facts;
  facts.blocked = true;
  ExpectVerdict(Judge(facts, report), "INVALID", kRefused,
                "a[1-2] (2) says it would break: too few ports; --force");
}

TEST(Verdict, PassesStreamsThatWereOpenedInTheWarmUp) {
  v1::StressReport report = GoodReport();
  v1::StressSpec& spec = *report.mutable_run()->mutable_spec();
  spec.set_workload(v1::StressSpec::WORKLOAD_STREAM);
  spec.set_connections(2);
  report.mutable_total()->set_attempted(0);
  report.mutable_total()->set_succeeded(0);
  report.mutable_total()->set_active(2);
  EXPECT_EQ(Judge({}, report).name, "PASS");
  report.mutable_total()->set_active(1);
  ExpectVerdict(Judge({}, report), "FAIL", kCheckFailed, "1 of 2 connections");
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
