#include "controller/stress/threshold.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

v1::StressReport Report() {
  v1::StressReport report;
  v1::RunResult& total = *report.mutable_total();
  total.set_attempted(100);
  total.set_rate_per_second(2500.5);
  total.set_failed_percent(2);
  (*total.mutable_failed())["refused"] = 2;
  total.mutable_connect_latency_us()->set_p99(312);
  total.mutable_tcp_info()->mutable_rtt_us()->set_p50(40);
  total.mutable_tcp_info()->set_total_retransmits(7);
  report.set_start_skew_us(150);
  return report;
}

v1::ThresholdResult Check(const std::string& expression,
                          const v1::StressReport& report = Report()) {
  const auto threshold = ParseThreshold(expression);
  EXPECT_THAT(threshold, IsOk()) << expression;
  return threshold->Check(report);
}

TEST(Threshold, ReadsEveryKindOfField) {
  EXPECT_EQ(Check("connectLatencyUs.p99<50000").observed(), 312);
  EXPECT_EQ(Check("failedPercent<1").observed(), 2);
  EXPECT_EQ(Check("ratePerSecond>1").observed(), 2500.5);
  EXPECT_EQ(Check("failed.refused<1").observed(), 2);
  EXPECT_EQ(Check("attempted>1").observed(), 100);
  EXPECT_EQ(Check("tcpInfo.rttUs.p50<1").observed(), 40);
  EXPECT_EQ(Check("tcpInfo.totalRetransmits<1").observed(), 7);
  EXPECT_EQ(Check("startSkewUs<1").observed(), 150);
}

TEST(Threshold, ComparesWithEveryOperator) {
  EXPECT_TRUE(Check("attempted < 101").passed());
  EXPECT_FALSE(Check("attempted<100").passed());
  EXPECT_TRUE(Check("attempted<=100").passed());
  EXPECT_FALSE(Check("attempted>100").passed());
  EXPECT_TRUE(Check("attempted >= 100").passed());
  EXPECT_TRUE(Check("attempted==100").passed());
  EXPECT_FALSE(Check("attempted!=100").passed());
  EXPECT_TRUE(Check(" attempted > -1e3 ").passed());
}

TEST(Threshold, KeepsTheExpressionAsGiven) {
  EXPECT_EQ(Check("attempted < 101").expression(), "attempted < 101");
}

TEST(Threshold, TakesAFailureThatDidNotOccurAsZero) {
  const v1::ThresholdResult result = Check("failed.timeout<=0");
  EXPECT_TRUE(result.has_observed());
  EXPECT_TRUE(result.passed());
  EXPECT_TRUE(Check("failed.ENOBUFS==0").passed());
}

TEST(Threshold, ReadsTheNumbersOfSchedulesAndStreams) {
  v1::StressReport report;
  v1::RunResult& total = *report.mutable_total();
  total.mutable_service_latency_us()->set_p99(70);
  total.mutable_send_lateness_us()->set_p50(3);
  total.set_bits_sent_per_second(9e9);
  (*total.mutable_responses_by_status())["5xx"] = 4;
  total.set_connections_dead(2);
  EXPECT_EQ(Check("serviceLatencyUs.p99<100", report).observed(), 70);
  EXPECT_EQ(Check("sendLatenessUs.p50<30", report).observed(), 3);
  EXPECT_EQ(Check("bitsSentPerSecond>8e9", report).observed(), 9e9);
  EXPECT_EQ(Check("responsesByStatus.5xx==0", report).observed(), 4);
  EXPECT_EQ(Check("responsesByStatus.4xx==0", report).observed(), 0);
  EXPECT_EQ(Check("connectionsDead==0", report).observed(), 2);
  EXPECT_EQ(Check("failed.notSent==0", report).observed(), 0);
}

TEST(Threshold, KnowsWhichCountsCanStillGrowToTheBound) {
  const auto may_recover = [](const std::string& expression, double observed) {
    return ParseThreshold(expression)->MayRecover(observed);
  };
  EXPECT_TRUE(may_recover("succeeded>100", 50));
  EXPECT_TRUE(may_recover("succeeded>=100", 50));
  EXPECT_TRUE(may_recover("succeeded==100", 50));
  EXPECT_FALSE(may_recover("succeeded==100", 150));
  EXPECT_FALSE(may_recover("failed.refused<10", 10));
  EXPECT_FALSE(may_recover("attempted<=10", 11));
  EXPECT_TRUE(may_recover("attempted!=10", 10));
  EXPECT_FALSE(may_recover("ratePerSecond>100", 50));
  EXPECT_FALSE(may_recover("connectLatencyUs.p99<10", 50));
  EXPECT_FALSE(may_recover("startSkewUs<10", 50));
}

TEST(Threshold, IsBrokenByWhatWasNotObserved) {
  const v1::StressReport empty;
  for (const std::string expression :
       {"connectLatencyUs.p99<50000", "failedPercent<1", "startSkewUs<1",
        "tcpInfo.totalRetransmits==0", "responseLatencyUs.p50>=0"}) {
    const v1::ThresholdResult result = Check(expression, empty);
    EXPECT_FALSE(result.has_observed()) << expression;
    EXPECT_FALSE(result.passed()) << expression;
  }
}

TEST(Threshold, RefusesWhatIsNoExpression) {
  const std::pair<const char*, const char*> bad[] = {
      {"", "PATH OP NUMBER"},
      {"failedPercent", "PATH OP NUMBER"},
      {"failedPercent=1", "not one of"},
      {"failedPercent<", "not a number"},
      {"failedPercent<x", "not a number"},
      {"failedPercent<inf", "not a number"},
      {"failedPercent<nan", "not a number"},
      {"failedPercent<>1", "not a number"},
      {"<1", "no number is called ''"},
      {"conectLatencyUs.p99<1", "did you mean 'connectLatencyUs'?"},
      {"connectLatencyUs.p9999<1", "did you mean 'p999'?"},
      {"connectLatencyUs<1", "name one of its numbers"},
      {"connectLatencyUs.p99.x<1", "is a number"},
      {"name<1", "no number is called 'name'"},
      {"targets<1", "no number is called 'targets'"},
      {"socketOptions.noDelay<1", "no number is called 'socketOptions'"},
      {"connect_latency_us.p99<1", "no number is called"},
      {"failed<1", "name a class"},
      {"failed.refuesd<1", "did you mean 'refused'?"},
      {"failed.refused.x<1", "no class of failed"},
      {"responsesByStatus.2x<1", "did you mean '2xx'?"},
      {"responsesByStatus.EPIPE<1", "no class of responsesByStatus"},
      {"kernelCounters.ListenDrops<1", "no number is called 'kernelCounters'"},
  };
  for (const auto& [expression, complaint] : bad) {
    EXPECT_THAT(ParseThreshold(expression),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(complaint)))
        << expression;
  }
}

}  // namespace
}  // namespace tcpfleet::controller
