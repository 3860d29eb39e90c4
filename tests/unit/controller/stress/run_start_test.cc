// Who is prepared, when all start, and what is said when somebody does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/stress/rehearsal.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::ExpectFailure;
using tests::kMs;
using tests::kSecond;
using tests::Rehearsal;
using tests::Script;
using tests::ScriptedAgent;

TEST(StressRun, GivesAllRolesTheSameToken) {
  Rehearsal rehearsal;
  const ScriptedAgent& server = rehearsal.AddServer("s");
  const ScriptedAgent& a = rehearsal.AddClient("a");
  rehearsal.Run();
  EXPECT_EQ(a.prepared[0].run_token().size(), 16u);
  EXPECT_EQ(server.prepared[0].run_token(), a.prepared[0].run_token());
  EXPECT_TRUE(a.prepared[0].describe_settings());
  Rehearsal other;
  const ScriptedAgent& b = other.AddClient("b");
  other.Run();
  EXPECT_NE(b.prepared[0].run_token(), a.prepared[0].run_token());
}

TEST(StressRun, DoesNotStartWhatWouldBreak) {
  Rehearsal rehearsal;
  Script blocked;
  blocked.blockers = {"28232 source ports for 32000 connections"};
  const ScriptedAgent& a = rehearsal.AddClient("a", blocked);
  const ScriptedAgent& b = rehearsal.AddClient("b");
  const v1::StressReport& report = rehearsal.Run();
  EXPECT_TRUE(a.starts_ns.empty());
  EXPECT_TRUE(b.starts_ns.empty());
  EXPECT_EQ(report.verdict(), "INVALID");
  EXPECT_EQ(rehearsal.exit_code(), kRefused);
  EXPECT_THAT(report.verdict_reason(), HasSubstr("check of a says it would break: 28232 source"));
  EXPECT_EQ(report.agents(0).blockers_size(), 1);
}

TEST(StressRun, StartsWhatWouldBreakWhenForced) {
  Rehearsal rehearsal;
  Script blocked;
  blocked.blockers = {"it will break"};
  rehearsal.AddClient("a", blocked);
  rehearsal.input().force = true;
  EXPECT_EQ(rehearsal.Run().verdict(), "PASS");
}

TEST(StressRun, CountsAStartFromWhenAClientsFirstOperationIsDue) {
  Rehearsal rehearsal;
  rehearsal.spec().set_rate_per_second(2);  // b's first one is due after 500 ms
  rehearsal.AddClient("a");
  Script later;
  later.first_connect_ns = 501 * kMs;
  rehearsal.AddClient("b", later);
  const v1::StressReport& report = rehearsal.Run();
  EXPECT_EQ(report.agents(1).first_syn_offset_us(), 1'000);
  EXPECT_EQ(report.start_skew_us(), 1'000);
}

TEST(StressRun, StartsAllAtOneMomentOfTheirOwnClocks) {
  Rehearsal rehearsal;
  Script ahead;
  ahead.clock_offset_ns = 1'000'000 * kSecond;
  const ScriptedAgent& a = rehearsal.AddClient("a", ahead);
  const ScriptedAgent& b = rehearsal.AddClient("b");
  const v1::StressReport& report = rehearsal.Run();
  ASSERT_EQ(a.starts_ns.size(), 1u);
  EXPECT_EQ(a.starts_ns, b.starts_ns);
  EXPECT_EQ(report.agents(0).first_syn_offset_us(), 2'000);
  EXPECT_EQ(report.agents(0).clock_uncertainty_us(), 20);
  EXPECT_EQ(report.start_skew_us(), 0);
}

TEST(StressRun, WaitsForThreeTimesTheWorstRoundTrip) {
  Rehearsal rehearsal;
  const ScriptedAgent& a = rehearsal.AddClient("a");
  rehearsal.LastClientClock().largest_round_trip_ns = 300 * kMs;
  const int64_t before_ns = rehearsal.now_ns();
  rehearsal.Run();
  EXPECT_EQ(a.starts_ns[0], before_ns + kMs + 900 * kMs);
}

TEST(StressRun, ReportsTheSkewOfTheFirstConnections) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  Script later;
  later.first_connect_ns = 12 * kMs;
  rehearsal.AddClient("b", later);
  EXPECT_EQ(rehearsal.Run().start_skew_us(), 10'000);
}

TEST(StressRun, ReportsNoSkewOfOneClient) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  EXPECT_FALSE(rehearsal.Run().has_start_skew_us());
}

TEST(StressRun, PreparesServersFirstAndSendsClientsTheirPorts) {
  Rehearsal rehearsal;
  const ScriptedAgent& client = rehearsal.AddClient("a");
  const ScriptedAgent& server = rehearsal.AddServer("s");
  const v1::StressReport& report = rehearsal.Run();
  EXPECT_EQ(report.verdict(), "PASS") << report.DebugString();
  ASSERT_EQ(client.prepared[0].targets_size(), 1);
  EXPECT_EQ(client.prepared[0].targets(0).host(), "198.18.0.9");
  EXPECT_EQ(client.prepared[0].targets(0).port(), 40'001u);
  EXPECT_EQ(server.stops, 1);
  EXPECT_EQ(client.stops, 0);
  EXPECT_EQ(report.agents(0).role(), "server");
  EXPECT_EQ(report.total().connections_accepted(), 77u);
}

TEST(StressRun, NamesAClientThatRefusesAndKeepsItsShareOut) {
  Rehearsal rehearsal;
  const ScriptedAgent& a = rehearsal.AddClient("a");
  Script refuses;
  refuses.refusal = absl::PermissionDeniedError("target 198.18.0.9 is outside");
  rehearsal.AddClient("b", refuses);
  const v1::StressReport& report = rehearsal.Run();
  ExpectFailure(report, "b", "refused", "198.18.0.9 is outside");
  EXPECT_EQ(report.verdict(), "PARTIAL");
  EXPECT_EQ(rehearsal.exit_code(), kPartial);
  EXPECT_EQ(a.prepared[0].connections(), 5u);
  EXPECT_EQ(report.total().attempted(), 400u);
}

TEST(StressRun, RunsNothingWhenAllRefuse) {
  Rehearsal rehearsal;
  Script refuses;
  refuses.refusal = absl::PermissionDeniedError("outside");
  const ScriptedAgent& a = rehearsal.AddClient("a", refuses);
  const v1::StressReport& report = rehearsal.Run();
  EXPECT_EQ(report.verdict(), "INVALID");
  EXPECT_EQ(rehearsal.exit_code(), kRefused);
  EXPECT_TRUE(a.starts_ns.empty());
}

TEST(StressRun, RunsNothingWithoutAServer) {
  Rehearsal rehearsal;
  const ScriptedAgent& a = rehearsal.AddClient("a");
  Script mute;
  mute.ignores_prepare = true;
  rehearsal.AddServer("s", mute);
  const v1::StressReport& report = rehearsal.Run();
  ExpectFailure(report, "s", "silent", "ready within 10 s");
  EXPECT_EQ(rehearsal.exit_code(), kPartial);
  EXPECT_TRUE(a.prepared.empty());
}

TEST(StressRun, RefusesAServerWithoutAPort) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  Script portless;
  portless.listen_port = 0;
  rehearsal.AddServer("s", portless);
  ExpectFailure(rehearsal.Run(), "s", "failed", "port 0");
}

TEST(StressRun, NamesAClientThatDoesNotAnswerPrepare) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  Script mute;
  mute.ignores_prepare = true;
  const ScriptedAgent& b = rehearsal.AddClient("b", mute);
  ExpectFailure(rehearsal.Run(), "b", "silent", "ready within 10 s");
  EXPECT_EQ(b.cancels, 1);
}

TEST(StressRun, IsInvalidWithALateClient) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  Script late;
  late.is_late = true;
  rehearsal.AddClient("b", late);
  const v1::StressReport& report = rehearsal.Run();
  ExpectFailure(report, "b", "late", "5.00 ms after the start");
  EXPECT_EQ(report.verdict(), "INVALID");
  EXPECT_EQ(rehearsal.exit_code(), kPartial);
}

TEST(StressRun, IsInvalidWhenAClientStartsFarFromThePlan) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  Script slow;
  slow.first_connect_ns = 150 * kMs;
  rehearsal.AddClient("b", slow);
  const v1::StressReport& report = rehearsal.Run();
  EXPECT_EQ(report.verdict(), "INVALID");
  EXPECT_THAT(report.verdict_reason(), HasSubstr("b made its first connection 150 ms after"));
}

}  // namespace
}  // namespace tcpfleet::controller
