// What becomes of a run when agents fall away, fall silent or say what cannot be, and how it ends.
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

TEST(StressRun, KeepsWhatADeadClientHadMeasured) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  Script mortal;
  mortal.dies_at_ns = 3 * kSecond;
  rehearsal.AddClient("b", mortal);
  const v1::StressReport& report = rehearsal.Run();
  ExpectFailure(report, "b", "died", "connection broke");
  EXPECT_EQ(report.agents(1).attempted(), 100u);
  EXPECT_EQ(report.agents(0).attempted(), 400u);
  EXPECT_EQ(report.verdict(), "PARTIAL");
}

TEST(StressRun, EndsWhenNoServerIsLeft) {
  Rehearsal rehearsal;
  rehearsal.spec().set_duration_ms(60'000);
  const ScriptedAgent& client = rehearsal.AddClient("a");
  Script mortal;
  mortal.dies_at_ns = 3 * kSecond;
  rehearsal.AddServer("s", mortal);
  const int64_t begin_ns = rehearsal.now_ns();
  const v1::StressReport& report = rehearsal.Run();
  ExpectFailure(report, "s", "died", "connection broke");
  EXPECT_EQ(report.verdict(), "PARTIAL");
  EXPECT_EQ(client.stops, 1);
  EXPECT_LT(rehearsal.now_ns() - begin_ns, 10 * kSecond);
}

TEST(StressRun, GoesOnWhileAServerIsLeft) {
  Rehearsal rehearsal;
  const ScriptedAgent& client = rehearsal.AddClient("a");
  Script mortal;
  mortal.dies_at_ns = 2 * kSecond;
  rehearsal.AddServer("s1", mortal);
  rehearsal.AddServer("s2");
  ExpectFailure(rehearsal.Run(), "s1", "died", "connection broke");
  EXPECT_EQ(client.stops, 0);
}

TEST(StressRun, NamesAnAgentThatShutsDown) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  Script leaving;
  leaving.leaves_at_ns = 2 * kSecond;
  rehearsal.AddClient("b", leaving);
  ExpectFailure(rehearsal.Run(), "b", "died", "shutting down");
}

TEST(StressRun, CancelsAClientThatFallsSilent) {
  Rehearsal rehearsal;
  rehearsal.spec().set_duration_ms(20'000);
  rehearsal.AddClient("a");
  Script silent;
  silent.silent_from_ns = 2 * kSecond + kMs;
  const ScriptedAgent& b = rehearsal.AddClient("b", silent);
  ExpectFailure(rehearsal.Run(), "b", "silent", "nothing was heard of it for 3 s");
  EXPECT_EQ(b.cancels, 1);
}

TEST(StressRun, HearsWhatWaitsBeforeItCallsAnybodySilent) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  rehearsal.AddClient("b");
  rehearsal.PauseAfter(2'500 * kMs, 8 * kSecond);
  const v1::StressReport& report = rehearsal.Run();
  EXPECT_EQ(report.failures_size(), 0) << report.DebugString();
  EXPECT_EQ(report.verdict(), "PASS");
}

TEST(StressRun, WaitsForWhatIsOnItsWayAfterAPause) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  rehearsal.AddClient("b");
  rehearsal.PauseAfter(2'500 * kMs, 8 * kSecond, 400 * kMs);
  const v1::StressReport& report = rehearsal.Run();
  EXPECT_EQ(report.failures_size(), 0) << report.DebugString();
  EXPECT_EQ(report.verdict(), "PASS");
}

TEST(StressRun, NamesWhoHasNotFinishedAfterThePlannedEnd) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  Script endless;
  endless.never_finishes = true;
  rehearsal.AddClient("b", endless);
  ExpectFailure(rehearsal.Run(), "b", "silent", "3 s after the planned end");
}

TEST(StressRun, NamesAServerThatIgnoresStop) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  Script stubborn;
  stubborn.ignores_stop = true;
  stubborn.never_finishes = true;
  rehearsal.AddServer("s", stubborn);
  ExpectFailure(rehearsal.Run(), "s", "silent", "Stop within 3 s");
}

TEST(StressRun, EndsAClientWithABrokenFrame) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  Script broken;
  broken.sends_bad_frame_at_ns = 2 * kSecond;
  const ScriptedAgent& b = rehearsal.AddClient("b", broken);
  ExpectFailure(rehearsal.Run(), "b", "failed", "");
  EXPECT_EQ(b.cancels, 1);
}

TEST(StressRun, EndsAClientWithAMalformedHistogram) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  Script broken;
  broken.sends_bad_delta_at_ns = 2 * kSecond;
  rehearsal.AddClient("b", broken);
  ExpectFailure(rehearsal.Run(), "b", "failed", "connect latency: histogram delta");
}

TEST(StressRun, EndsAClientWhoseReportsWereLost) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  rehearsal.FillInboxAfter(2'150 * kMs);
  const v1::StressReport& report = rehearsal.Run();
  ExpectFailure(report, "a", "failed", "more than this controller could take in");
}

TEST(StressRun, StopsEverybodyWhenInterrupted) {
  Rehearsal rehearsal;
  const ScriptedAgent& a = rehearsal.AddClient("a");
  const ScriptedAgent& s = rehearsal.AddServer("s");
  rehearsal.InterruptAfter(3'500 * kMs);
  const int64_t before_ns = rehearsal.now_ns();
  const v1::StressReport& report = rehearsal.Run();
  EXPECT_EQ(report.verdict(), "PARTIAL");
  EXPECT_THAT(report.verdict_reason(), HasSubstr("interrupted after 3.3 of 5.0 s"));
  EXPECT_EQ(rehearsal.exit_code(), kAborted);
  EXPECT_EQ(a.stops, 1);
  EXPECT_EQ(s.stops, 1);
  EXPECT_EQ(report.failures_size(), 0);
  EXPECT_GT(report.total().attempted(), 200u);
  EXPECT_LT(rehearsal.now_ns() - before_ns, 4 * kSecond);
}

TEST(StressRun, NamesWhoDoesNotStopWithinTwoSeconds) {
  Rehearsal rehearsal;
  rehearsal.AddClient("a");
  Script stubborn;
  stubborn.ignores_stop = true;
  stubborn.never_finishes = true;
  rehearsal.AddClient("b", stubborn);
  rehearsal.InterruptAfter(3'500 * kMs);
  const int64_t before_ns = rehearsal.now_ns();
  const v1::StressReport& report = rehearsal.Run();
  ExpectFailure(report, "b", "silent", "Stop within 2 s");
  EXPECT_EQ(rehearsal.exit_code(), kAborted);
  EXPECT_LT(rehearsal.now_ns() - before_ns, 6 * kSecond);
}

TEST(StressRun, DoesNotWaitWhenInterruptedBeforeTheStart) {
  Rehearsal rehearsal;
  Script mute;
  mute.ignores_prepare = true;
  rehearsal.AddClient("a", mute);
  rehearsal.InterruptAfter(500 * kMs);
  const int64_t before_ns = rehearsal.now_ns();
  const v1::StressReport& report = rehearsal.Run();
  EXPECT_EQ(report.verdict(), "PARTIAL");
  EXPECT_EQ(rehearsal.exit_code(), kAborted);
  EXPECT_LT(rehearsal.now_ns() - before_ns, kSecond);
}

}  // namespace
}  // namespace tcpfleet::controller
