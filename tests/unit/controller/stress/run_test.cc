#include "controller/stress/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/stress/rehearsal.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::Rehearsal;
using tests::Script;
using tests::ScriptedAgent;

TEST(StressRun, AddsUpWhatGoodClientsMeasured) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  Script faster;
  faster.operations_per_second = 300;
  faster.latency_ns = 300'000;
  rehearsal.AddClient("b", faster);
  const v1::StressReport& report = rehearsal.Run();
  EXPECT_EQ(report.verdict(), "PASS") << report.DebugString();
  EXPECT_EQ(rehearsal.exit_code(), kOk);
  EXPECT_EQ(report.total().attempted(), 1600u);
  EXPECT_EQ(report.total().rate_per_second(), 400);
  EXPECT_EQ(report.total().active(), 10u);
  EXPECT_EQ(report.total().connect_latency_us().count(), 1600u);  // the warm-up is not in it
  EXPECT_EQ(report.total().connect_latency_us().min(), 100);
  EXPECT_EQ(report.total().connect_latency_us().max(), 300);
  EXPECT_EQ(report.agents(0).connect_latency_us().count(), 400u);
  EXPECT_TRUE(report.agents(0).socket_options().no_delay());
}

TEST(StressRun, SplitsTheTotalsOverTheClients) {
  Rehearsal rehearsal;
  rehearsal.spec().set_rate_per_second(100);
  const ScriptedAgent& a = rehearsal.AddClient("a");
  const ScriptedAgent& b = rehearsal.AddClient("b");
  const ScriptedAgent& c = rehearsal.AddClient("c");
  rehearsal.Run();
  EXPECT_EQ(a.prepared[0].connections() + b.prepared[0].connections() + c.prepared[0].connections(),
            10u);
  EXPECT_EQ(a.prepared[0].rate_per_second(), 100);  // the fleet's
  EXPECT_EQ(a.prepared[0].schedule_share().stride(), 10u);
  EXPECT_EQ(a.prepared[0].schedule_share().offsets_size(), 3);
  EXPECT_EQ(c.prepared[0].schedule_share().offsets_size(), 4);
}

TEST(StressRun, EndsAtAThresholdThatIsBroken) {
  Rehearsal rehearsal;
  const ScriptedAgent& server = rehearsal.AddServer("s");
  const ScriptedAgent& a = rehearsal.AddClient("a");
  for (const char* const expression :
       {"connectLatencyUs.p99<50", "responseLatencyUs.p99<1", "succeeded>1000"}) {
    rehearsal.input().abort_on.push_back(*ParseThreshold(expression));
  }
  const v1::StressReport& report = rehearsal.Run();
  EXPECT_EQ(rehearsal.end(), RunEnd::kAborted);
  EXPECT_EQ(report.verdict(), "FAIL");
  EXPECT_EQ(rehearsal.exit_code(), kCheckFailed);
  EXPECT_THAT(report.verdict_reason(),
              HasSubstr("of 5.0 s: broken: connectLatencyUs.p99<50 (observed 100)"));
  EXPECT_THAT(report.verdict_reason(), ::testing::Not(HasSubstr("succeeded")));  // it may grow yet
  EXPECT_THAT(report.verdict_reason(), ::testing::Not(HasSubstr("response")));   // not observed yet
  EXPECT_EQ(a.stops, 1);
  EXPECT_EQ(server.stops, 1);
  EXPECT_LT(report.total().measured_seconds(), 2);  // after the first measured interval
}

TEST(StressRun, GoesOnWhileThresholdsHold) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  rehearsal.input().abort_on.push_back(*ParseThreshold("connectLatencyUs.p99<50000"));
  EXPECT_EQ(rehearsal.Run().verdict(), "PASS");
  EXPECT_EQ(rehearsal.end(), RunEnd::kCompleted);
}

TEST(StressRun, WaitsForTheCoolDown) {
  Rehearsal rehearsal;
  rehearsal.spec().set_cooldown_ms(8'000);
  rehearsal.AddClient("a");
  EXPECT_EQ(rehearsal.Run().verdict(), "PASS");
}

TEST(StressRun, TellsThePathsOfAMesh) {
  Rehearsal rehearsal;
  for (const char* const name : {"a", "b", "c"}) rehearsal.AddServer(name);
  const ScriptedAgent& a = rehearsal.AddClient("a");
  rehearsal.AddClient("b");
  rehearsal.AddClient("c");
  for (const size_t client : {0, 1, 2}) {
    std::vector<Link>& links = rehearsal.input().links.emplace_back();
    for (const size_t step : {1, 2}) links.push_back({(client + step) % 3, "198.18.0.9"});
  }
  const v1::StressReport& report = rehearsal.Run();
  EXPECT_EQ(a.prepared[0].targets_size(), 2);
  EXPECT_TRUE(a.prepared[0].per_target());
  ASSERT_EQ(report.paths_size(), 6);
  EXPECT_EQ(report.paths(0).client(), "a");
  EXPECT_EQ(report.paths(0).target(), "b");
  EXPECT_EQ(report.paths(1).target(), "c");
  EXPECT_EQ(report.paths(0).attempted(), 200u);
  EXPECT_EQ(report.paths(0).rate_per_second(), 50);
}

TEST(StressRun, NamesSeveralTargetsByTheirAddress) {
  Rehearsal rehearsal;
  for (const uint32_t port : {80, 81}) {
    v1::Target& target = *rehearsal.spec().add_targets();
    target.set_host("2001:db8::1");
    target.set_port(port);
  }
  rehearsal.AddClient("a");
  const v1::StressReport& report = rehearsal.Run(/*add_target=*/false);
  ASSERT_EQ(report.paths_size(), 2);
  EXPECT_EQ(report.paths(1).target(), "[2001:db8::1]:81");
}

TEST(StressRun, SendsAHeartbeatToAllEverySecond) {
  Rehearsal rehearsal;
  const ScriptedAgent& a = rehearsal.AddClient("a");
  const ScriptedAgent& s = rehearsal.AddServer("s");
  rehearsal.Run();
  EXPECT_EQ(a.heartbeats.load(), 5);
  EXPECT_EQ(s.heartbeats.load(), 5);
}

TEST(StressRun, ShowsEveryInterval) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  rehearsal.Run();
  EXPECT_EQ(rehearsal.observer().elapsed_ns.size(), 4u);
  for (size_t i = 0; i < rehearsal.observer().elapsed_ns.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(rehearsal.observer().elapsed_ns[i]),
                static_cast<double>(i + 1) * 1e9 + 2.5e8, 1e8);
  }
}

}  // namespace
}  // namespace tcpfleet::controller
