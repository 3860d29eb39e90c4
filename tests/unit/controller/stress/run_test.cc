#include "controller/stress/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/stress/plan.h"
#include "controller/stress/report.h"
#include "tests/unit/controller/stress/simulation.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::kMs;
using tests::kSecond;
using tests::Script;
using tests::ScriptedAgent;
using tests::SimulatedClock;
using tests::SimulatedInbox;

class CountingObserver final : public RunObserver {
 public:
  void OnInterval(const RunView& view) override { elapsed_ns.push_back(view.elapsed_ns); }
  std::vector<int64_t> elapsed_ns;
};

// A run of scripted clients, and of servers when there are any, 1 s of warm-up and 4 s measured.
class Rehearsal {
 public:
  Rehearsal() {
    input_.spec.set_workload(v1::StressSpec::WORKLOAD_CRR);
    input_.spec.set_connections(10);
    input_.spec.set_warmup_ms(1'000);
    input_.spec.set_duration_ms(4'000);
    input_.spec.set_interval_ms(1'000);
    input_.spec.set_tcp_info_connections(1'000);
  }

  ScriptedAgent& AddClient(const std::string& name, Script script = {}) {
    RunSeat& seat = AddSeat(input_.clients, name, script);
    seat.share = input_.shares++;
    return *agents_.back();
  }
  ScriptedAgent& AddServer(const std::string& name, Script script = {}) {
    RunSeat& seat = AddSeat(input_.servers, name, script);
    seat.data_address = "198.18.0.9";
    seat.spec = input_.spec;
    seat.spec.set_role(v1::StressSpec::ROLE_SERVER);
    seat.spec.set_duration_ms(9'000);
    return *agents_.back();
  }

  const v1::StressReport& Run(bool add_target = true) {
    if (input_.servers.empty() && add_target) input_.spec.add_targets()->set_host("198.18.0.9");
    StressOptions options;
    options.spec = input_.spec;
    StressRun run(input_, clock_, inbox_, &observer_);
    const RunOutcome outcome = run.Run(interrupt_.get_token());
    end_ = outcome.end;
    report_ = BuildReport(options, outcome, {});
    exit_code_ = JudgeRun(outcome, report_).exit_code;
    return report_;
  }

  // From the beginning, not from the start of the load.
  void InterruptAfter(int64_t delay_ns) {
    inbox_.After(delay_ns, [this] { interrupt_.request_stop(); });
  }
  void FillInboxAfter(int64_t delay_ns) {
    inbox_.After(delay_ns, [this] { inbox_.full = true; });
    inbox_.After(delay_ns + 100 * kMs, [this] { inbox_.full = false; });
  }

  // As when this process is stopped and goes on later. What agents said meanwhile arrives `lag_ns`
  // after that.
  void PauseAfter(int64_t delay_ns, int64_t length_ns, int64_t lag_ns = 0) {
    inbox_.After(delay_ns, [this, length_ns, lag_ns] {
      clock_.AdvanceTo(clock_.MonotonicNs() + length_ns);
      inbox_.HoldBackUntil(clock_.MonotonicNs() + lag_ns);
    });
  }

  v1::StressSpec& spec() { return input_.spec; }
  RunInput& input() { return input_; }
  ClockOffset& LastClientClock() { return input_.clients.back().clock; }
  ExitCode exit_code() const { return exit_code_; }
  const CountingObserver& observer() const { return observer_; }
  int64_t now_ns() const { return clock_.MonotonicNs(); }
  RunEnd end() const { return end_; }

 private:
  RunSeat& AddSeat(std::vector<RunSeat>& seats, const std::string& name, const Script& script) {
    agents_.push_back(std::make_unique<ScriptedAgent>(inbox_, script));
    RunSeat& seat = seats.emplace_back();
    seat.target.name = name;
    seat.target.address = name + ":7117";
    seat.client = agents_.back().get();
    seat.clock.offset_ns = script.clock_offset_ns;
    seat.clock.uncertainty_ns = 20'000;
    seat.clock.largest_round_trip_ns = 100'000;
    return seat;
  }

  RunInput input_;
  SimulatedClock clock_;
  SimulatedInbox inbox_{clock_};
  std::vector<std::unique_ptr<ScriptedAgent>> agents_;
  CountingObserver observer_;
  RunEnd end_ = RunEnd::kCompleted;
  std::stop_source interrupt_;
  v1::StressReport report_;
  ExitCode exit_code_ = kOk;
};

void ExpectFailure(const v1::StressReport& report, const std::string& name, const std::string& kind,
                   const std::string& cause) {
  ASSERT_EQ(report.failures_size(), 1) << report.DebugString();
  EXPECT_EQ(report.failures(0).name(), name);
  EXPECT_EQ(report.failures(0).address(), name + ":7117");
  EXPECT_EQ(report.failures(0).kind(), kind);
  EXPECT_THAT(report.failures(0).cause(), HasSubstr(cause));
}

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
