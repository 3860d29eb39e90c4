#include "controller/rollout/rollout.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>

#include "controller/rollout/host_steps.h"
#include "controller/rollout/rollout_file.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/rollout/sample_plan.h"
#include "tests/unit/controller/rollout/simulated_agent.h"

namespace tcpfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tests::IsOk;
using tests::StatusIs;

constexpr char kHolder[] = "0123456789abcdef0123456789abcdef";

v1::RolloutSettings Settings() {
  v1::RolloutSettings settings;
  settings.set_canary(1);
  settings.add_batches("50%");
  settings.add_batches("100%");
  settings.set_soak_seconds(30);
  settings.set_confirm_within_seconds(120);
  return settings;
}

class RolloutTest : public testing::Test {
 protected:
  // Hosts a1, a2, ..., in waves of one canary, up to half, and the rest.
  void Start(size_t hosts, const v1::RolloutSettings& settings = Settings()) {
    fleet_ = std::make_unique<FakeFleet>(hosts);
    agents_.clear();
    for (FakeAgentClient* client : fleet_->clients) {
      agents_.push_back(std::make_unique<SimulatedAgent>(*client, clock_));
    }
    report_ = NewRollout(SamplePlan(hosts), settings, kHolder).value();
  }

  RolloutWorld World() {
    return {
        *fleet_->fleet, clock_, stop_.get_token(),
        [this](const v1::RolloutReport& report) { return Save(report); },
        [this](const v1::RolloutReport& report, size_t wave) {
          told_.push_back(absl::StrCat(wave, " ", report.waves(static_cast<int>(wave)).state()));
          if (on_wave_) on_wave_(told_.back());
        }};
  }

  ExitCode Run() {
    RolloutWorld world = World();
    const ExitCode code = RunRollout(world, report_);
    ExpectTruth();
    return code;
  }

  absl::Status Resume() {
    RolloutWorld world = World();
    return ResumeRollout(world, report_);
  }

  absl::Status Save(const v1::RolloutReport& report) {
    if (saves_left_ == 0) return absl::ResourceExhaustedError("no space left on device");
    if (saves_left_ > 0) --saves_left_;
    saved_ = report;
    if (on_save_) on_save_();
    return absl::OkStatus();
  }

  const v1::RolloutHost& Host(const std::string& name) const {
    for (const v1::RolloutWave& wave : report_.waves()) {
      for (const v1::RolloutHost& host : wave.hosts()) {
        if (host.name() == name) return host;
      }
    }
    ADD_FAILURE() << "no host " << name;
    return v1::RolloutHost::default_instance();
  }
  SimulatedAgent& Agent(size_t number) { return *agents_[number - 1]; }
  std::vector<std::string> States() const {
    std::vector<std::string> states;
    for (const v1::RolloutWave& wave : report_.waves()) {
      for (const v1::RolloutHost& host : wave.hosts()) states.push_back(host.state());
    }
    return states;
  }

  // Every host once; none said to be what its agent is not; none confirmed in a wave that is said
  // to be rolled back.
  void ExpectTruth() {
    EXPECT_THAT(CheckRollout(report_), IsOk());
    size_t next = 0;
    for (const v1::RolloutWave& wave : report_.waves()) {
      for (const v1::RolloutHost& host : wave.hosts()) {
        const v1::SysctlTransaction::State real = agents_[next++]->NewestState();
        const bool is_confirmed = real == v1::SysctlTransaction::STATE_CONFIRMED;
        if (host.state() == host_state::kConfirmed) {
          EXPECT_TRUE(is_confirmed) << host.DebugString();
        }
        if (host.state() == host_state::kRolledBack) {
          EXPECT_FALSE(agents_[next - 1]->HasChange()) << host.DebugString();
        }
        if (wave.state() == wave_state::kRolledBack) {
          EXPECT_FALSE(is_confirmed) << host.DebugString();
        }
        if (wave.state() == wave_state::kConfirmed) {
          EXPECT_NE(host.state(), host_state::kWaiting) << host.DebugString();
        }
      }
    }
    EXPECT_EQ(saved_.state(), saves_left_ == 0 ? saved_.state() : report_.state());
  }

  FakeClock clock_;
  std::stop_source stop_;
  std::unique_ptr<FakeFleet> fleet_;
  std::vector<std::unique_ptr<SimulatedAgent>> agents_;
  v1::RolloutReport report_;
  v1::RolloutReport saved_;
  int saves_left_ = -1;  // negative: no end of them
  std::function<void()> on_save_;
  std::function<void(const std::string&)> on_wave_;
  std::vector<std::string> told_;
};

TEST_F(RolloutTest, TakesThePlanToAllHostsWaveByWave) {
  Start(6);
  EXPECT_EQ(Run(), kOk);
  EXPECT_EQ(report_.state(), "done");
  EXPECT_THAT(States(), Each("confirmed"));
  EXPECT_THAT(report_.waves(), SizeIs(3));
  EXPECT_THAT(told_, ElementsAre("0 applying", "0 soaking", "0 soaking", "0 confirmed",
                                 "1 applying", "1 soaking", "1 soaking", "1 confirmed",
                                 "2 applying", "2 soaking", "2 soaking", "2 confirmed"));
  for (const auto& agent : agents_) {
    EXPECT_EQ(agent->applied, 1);
    EXPECT_EQ(agent->holder, "") << "the reservation was not given back";
  }
  for (const v1::GateResult& gate : report_.waves(0).gates()) {
    EXPECT_NE(gate.state(), "failed") << gate.DebugString();
  }
}

TEST_F(RolloutTest, TryingWritesNothingAndGivesReservationsBack) {
  Start(3);
  Agent(2).refusal = "not allowed here";
  RolloutWorld world = World();
  EXPECT_EQ(TryRollout(world, report_), kRefused);
  EXPECT_EQ(report_.state(), "planned");
  EXPECT_THAT(States(), ElementsAre("waiting", "refused", "waiting"));
  EXPECT_THAT(Host("a2").why(), HasSubstr("not allowed here"));
  for (const auto& agent : agents_) {
    EXPECT_EQ(agent->applied, 0);
    EXPECT_EQ(agent->holder, "");
  }
}

TEST_F(RolloutTest, HostThatRefusesStopsItBeforeAnythingIsWritten) {
  Start(4);
  Agent(3).refusal = "not allowed here";
  EXPECT_EQ(Run(), kRefused);
  EXPECT_EQ(report_.state(), "refused");
  EXPECT_THAT(report_.why(),
              AllOf(HasSubstr("a3: refused: policy"), HasSubstr("nothing was written")));
  for (const auto& agent : agents_) EXPECT_THAT(agent->transactions, IsEmpty());
}

TEST_F(RolloutTest, HostThatDoesNotAnswerStopsItBeforeAnythingIsWritten) {
  Start(4);
  Agent(4).prepare_error = absl::UnavailableError("connection refused");
  EXPECT_EQ(Run(), kPartial);
  EXPECT_EQ(report_.state(), "refused");
  EXPECT_THAT(report_.failures(), SizeIs(1));
  EXPECT_EQ(Host("a4").state(), "unreachable");
  for (const auto& agent : agents_) EXPECT_THAT(agent->transactions, IsEmpty());
}

TEST_F(RolloutTest, SecondControllerIsRefused) {
  Start(2);
  Agent(2).holder = "somebody else's holder";
  EXPECT_EQ(Run(), kRefused);
  EXPECT_THAT(Host("a2").why(), HasSubstr("held"));
  EXPECT_EQ(Agent(2).holder, "somebody else's holder");
}

TEST_F(RolloutTest, SoManyMayFailAsAreAllowedTo) {
  v1::RolloutSettings settings = Settings();
  settings.set_max_fail(1);
  Start(4, settings);
  Agent(4).prepare_error = absl::UnavailableError("connection refused");
  EXPECT_EQ(Run(), kPartial);
  EXPECT_EQ(report_.state(), "done");
  EXPECT_THAT(States(), ElementsAre("confirmed", "confirmed", "confirmed", "unreachable"));
}

TEST_F(RolloutTest, CanaryThatCannotBeChangedStopsItWhateverMayFail) {
  v1::RolloutSettings settings = Settings();
  settings.set_max_fail(3);
  Start(4, settings);
  Agent(1).outcome = v1::ApplySysctlsResponse::OUTCOME_RESTORED;
  EXPECT_EQ(Run(), kAborted);
  EXPECT_EQ(report_.state(), "stopped");
  EXPECT_THAT(report_.why(), HasSubstr("no host of the wave was changed"));
  EXPECT_THAT(States(), ElementsAre("restored", "waiting", "waiting", "waiting"));
}

TEST_F(RolloutTest, FailedGateRollsTheWaveBackAndEarlierOnesStay) {
  Start(6);
  Agent(3).overflows = 100;
  EXPECT_EQ(Run(), kAborted);
  EXPECT_EQ(report_.state(), "stopped");
  EXPECT_THAT(report_.why(), AllOf(HasSubstr("TcpExt.ListenOverflows"), HasSubstr("a3")));
  EXPECT_THAT(States(), ElementsAre("confirmed", "rolled-back", "rolled-back", "waiting", "waiting",
                                    "waiting"));
  EXPECT_EQ(report_.waves(1).state(), "rolled-back");
  EXPECT_EQ(Agent(6).applied, 0);
}

TEST_F(RolloutTest, HostThatStopsAnsweringFailsTheGate) {
  Start(4);
  Agent(2).on_apply = [&] { Agent(2).snapshot_error = absl::UnavailableError("no route"); };
  EXPECT_EQ(Run(), kAborted);
  EXPECT_THAT(report_.why(), AllOf(HasSubstr("answers"), HasSubstr("a2")));
  EXPECT_EQ(Host("a2").state(), "rolled-back");
}

TEST_F(RolloutTest, SilentHostsRevertByThemselves) {
  Start(4);
  Agent(2).apply_answer_is_lost = true;
  Agent(2).on_apply = [&] {
    Agent(2).rollback_error = absl::UnavailableError("no route");
    Agent(2).list_error = absl::UnavailableError("no route");
  };
  EXPECT_EQ(Run(), kAborted);
  EXPECT_EQ(Host("a2").state(), "reverts-by-itself");
  EXPECT_THAT(Host("a2").why(), HasSubstr("no answer"));
  EXPECT_EQ(Agent(2).NewestState(), v1::SysctlTransaction::STATE_UNCONFIRMED);
}

TEST_F(RolloutTest, LostAnswerToTheChangeIsTakenBack) {
  Start(4);
  Agent(2).apply_answer_is_lost = true;
  EXPECT_EQ(Run(), kAborted);
  EXPECT_EQ(Host("a2").state(), "rolled-back");
  EXPECT_FALSE(Agent(2).HasChange());
}

TEST_F(RolloutTest, LostAnswerToTheConfirmationIsLookedUp) {
  Start(3);
  Agent(1).confirm_answer_is_lost = true;
  EXPECT_EQ(Run(), kOk);
  EXPECT_THAT(States(), Each("confirmed"));
}

TEST_F(RolloutTest, WaveOfWhichOneCannotBeConfirmedIsRolledBackWhole) {
  Start(6);
  Agent(3).confirm_error = absl::UnavailableError("cut off");
  EXPECT_EQ(Run(), kAborted);
  EXPECT_THAT(States(), ElementsAre("confirmed", "rolled-back", "rolled-back", "waiting", "waiting",
                                    "waiting"));
}

TEST_F(RolloutTest, ConfirmedHostThatCannotBeRolledBackIsNamed) {
  Start(6);
  Agent(2).rollback_error = absl::UnavailableError("cut off");
  Agent(3).confirm_error = absl::UnavailableError("cut off");
  EXPECT_EQ(Run(), kAborted);
  EXPECT_EQ(report_.waves(1).state(), "failed");
  EXPECT_EQ(Host("a2").state(), "unreachable");
  EXPECT_THAT(Host("a2").why(), HasSubstr("sysctl rollback transaction-1"));
}

TEST_F(RolloutTest, DamagedHostStopsItWhateverMayFail) {
  v1::RolloutSettings settings = Settings();
  settings.set_max_fail(3);
  Start(6, settings);
  Agent(2).outcome = v1::ApplySysctlsResponse::OUTCOME_DAMAGED;
  EXPECT_EQ(Run(), kAborted);
  EXPECT_THAT(States(),
              ElementsAre("confirmed", "damaged", "rolled-back", "waiting", "waiting", "waiting"));
}

TEST_F(RolloutTest, FailedWaveIsKeptWhenThatIsWanted) {
  v1::RolloutSettings settings = Settings();
  settings.set_keep_failed_wave(true);
  Start(4, settings);
  Agent(1).overflows = 100;
  EXPECT_EQ(Run(), kAborted);
  EXPECT_EQ(report_.waves(0).state(), "failed");
  EXPECT_EQ(Host("a1").state(), "confirmed");
  EXPECT_EQ(Host("a2").state(), "waiting");
}

TEST_F(RolloutTest, InterruptTakesBackWhatIsNotConfirmed) {
  Start(6);
  on_wave_ = [&](const std::string& told) {
    if (told == "1 soaking") stop_.request_stop();
  };
  EXPECT_EQ(Run(), kAborted);
  EXPECT_EQ(report_.state(), "interrupted");
  EXPECT_THAT(States(), ElementsAre("confirmed", "rolled-back", "rolled-back", "waiting", "waiting",
                                    "waiting"));
  for (const auto& agent : agents_) EXPECT_EQ(agent->holder, "");
}

TEST_F(RolloutTest, SecondTimeChangesNothingAndWaitsForNothing) {
  Start(3);
  EXPECT_EQ(Run(), kOk);
  const int64_t begun_ns = clock_.now_ns;
  report_ = NewRollout(report_.plan(), Settings(), kHolder).value();
  EXPECT_EQ(Run(), kOk);
  EXPECT_THAT(States(), Each("unchanged"));
  EXPECT_EQ(clock_.now_ns, begun_ns);
  for (const auto& agent : agents_) EXPECT_EQ(agent->applied, 1);
}

TEST_F(RolloutTest, WithoutASoakNothingIsJudged) {
  v1::RolloutSettings settings = Settings();
  settings.set_soak_seconds(0);
  Start(2, settings);
  EXPECT_EQ(Run(), kOk);
  EXPECT_EQ(clock_.now_ns, 0);
  for (const v1::GateResult& gate : report_.waves(0).gates()) {
    EXPECT_EQ(gate.state(), gate.name() == "answers" ? "passed" : "not-judged");
  }
}

TEST_F(RolloutTest, ManualConfirmationStopsAfterEachWaveAndGoesOnOnceItIsGiven) {
  v1::RolloutSettings settings = Settings();
  settings.set_manual_confirm(true);
  Start(2, settings);
  EXPECT_EQ(Run(), kOk);
  EXPECT_EQ(report_.state(), "running");
  EXPECT_THAT(States(), ElementsAre("applied", "waiting"));
  EXPECT_THAT(Resume(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("a1 waits")));
  Agent(1).transactions.front().set_state(v1::SysctlTransaction::STATE_CONFIRMED);
  ASSERT_THAT(Resume(), IsOk());
  EXPECT_EQ(Run(), kOk);
  EXPECT_THAT(States(), ElementsAre("confirmed", "applied"));
  EXPECT_EQ(Agent(1).applied, 1);
}

TEST_F(RolloutTest, StateThatCannotBeWrittenStopsItWithNothingLeftBehind) {
  for (int saves = 0; saves < 12; ++saves) {
    Start(4);
    saves_left_ = saves;
    const ExitCode code = Run();
    EXPECT_NE(code, kOk) << saves;
    for (const auto& agent : agents_) {
      EXPECT_NE(agent->NewestState(), v1::SysctlTransaction::STATE_UNCONFIRMED) << saves;
    }
    if (HasFailure()) return;
  }
}

// What a killed controller leaves behind.
struct Crash {
  v1::RolloutReport saved;
  std::vector<std::deque<v1::SysctlTransaction>> transactions;
  std::vector<int> applied;
  std::vector<std::string> holders;
};

TEST_F(RolloutTest, GoesOnFromWhereverItsControllerWasKilled) {
  std::vector<Crash> crashes;
  Start(5);
  const auto remember = [&] {
    Crash& crash = crashes.emplace_back();
    crash.saved = saved_;
    for (const auto& agent : agents_) {
      crash.transactions.push_back(agent->transactions);
      crash.applied.push_back(agent->applied);
      crash.holders.push_back(agent->holder);
    }
  };
  on_save_ = remember;
  on_wave_ = [&](const std::string&) { remember(); };
  for (const auto& agent : agents_) agent->on_apply = remember;
  EXPECT_EQ(Run(), kOk);
  on_save_ = {};
  on_wave_ = {};
  EXPECT_GT(crashes.size(), 20u);
  for (const bool expired : {false, true}) {
    for (const Crash& crash : crashes) {
      Start(5);
      report_ = crash.saved;
      for (size_t i = 0; i < agents_.size(); ++i) {
        agents_[i]->transactions = crash.transactions[i];
        agents_[i]->holder = crash.holders[i];
        if (expired) agents_[i]->Expire();
      }
      std::vector<bool> was_confirmed;
      for (const auto& agent : agents_) {
        was_confirmed.push_back(agent->NewestState() == v1::SysctlTransaction::STATE_CONFIRMED);
      }
      ASSERT_THAT(Resume(), IsOk());
      EXPECT_EQ(Run(), kOk) << report_.DebugString();
      EXPECT_EQ(report_.state(), "done");
      for (size_t i = 0; i < agents_.size(); ++i) {
        EXPECT_EQ(agents_[i]->NewestState(), v1::SysctlTransaction::STATE_CONFIRMED);
        EXPECT_EQ(agents_[i]->applied, was_confirmed[i] ? 0 : 1);
      }
      if (HasFailure()) return;
    }
  }
}

TEST_F(RolloutTest, HostThatCannotBeAskedWhenGoingOnStopsIt) {
  Start(3);
  on_wave_ = [&](const std::string& told) {
    if (told == "1 applying") stop_.request_stop();
  };
  EXPECT_EQ(Run(), kAborted);
  stop_ = std::stop_source();
  on_wave_ = {};
  Agent(2).list_error = absl::UnavailableError("no route");
  ASSERT_THAT(Resume(), IsOk());
  EXPECT_EQ(Run(), kPartial);
  EXPECT_THAT(States(), ElementsAre("confirmed", "unreachable", "waiting"));
  Agent(2).list_error = absl::OkStatus();
  ASSERT_THAT(Resume(), IsOk());
  EXPECT_EQ(Run(), kOk);
  EXPECT_THAT(States(), Each("confirmed"));
}

// Whatever fails wherever, the report is true, and nothing is confirmed in a wave rolled back.
TEST_F(RolloutTest, RandomFailuresNeverMakeTheReportUntrue) {
  std::mt19937 random(11);  // NOLINT: the same every time
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  const auto error = [&] {
    return one_in(2) ? absl::UnavailableError("cut off") : absl::FailedPreconditionError("no");
  };
  std::map<std::string, int> ends;
  for (int round = 0; round < 150; ++round) {
    v1::RolloutSettings settings = Settings();
    settings.set_max_fail(static_cast<uint32_t>(random() % 3));
    settings.set_canary(static_cast<uint32_t>(random() % 3));
    Start(1 + random() % 8, settings);
    for (const auto& agent : agents_) {
      if (one_in(24)) agent->prepare_error = error();
      if (one_in(16)) agent->apply_error = error();
      if (one_in(16)) agent->apply_answer_is_lost = true;
      if (one_in(16)) agent->confirm_error = error();
      if (one_in(16)) agent->confirm_answer_is_lost = true;
      if (one_in(16)) agent->rollback_error = error();
      if (one_in(16)) agent->list_error = error();
      if (one_in(16)) agent->snapshot_error = error();
      if (one_in(16)) agent->overflows = 50;
      if (one_in(20)) {
        agent->outcome = static_cast<v1::ApplySysctlsResponse::Outcome>(random() % 6);
      }
    }
    const ExitCode code = Run();
    EXPECT_EQ(code == kOk, report_.state() == "done" && report_.why().empty());
    ++ends[report_.state()];
    if (HasFailure()) {
      report_.clear_plan();
      FAIL() << "round " << round << "\n" << report_.DebugString();
    }
  }
  EXPECT_GT(ends["done"], 5);
  EXPECT_GT(ends["stopped"], 5);
  EXPECT_GT(ends["refused"], 5);
}

TEST(CheckSettings, SoakMustFitBeforeTheChangesRevert) {
  v1::RolloutSettings settings = Settings();
  EXPECT_THAT(CheckSettings(settings, absl::Seconds(5)), IsOk());
  settings.set_soak_seconds(115);
  EXPECT_THAT(CheckSettings(settings, absl::Seconds(5)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--confirm-within")));
  settings = Settings();
  settings.set_batches(0, "half");
  EXPECT_THAT(CheckSettings(settings, absl::Seconds(5)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--batches: 'half'")));
}

TEST(CheckFleetHasHosts, NamesWhatIsMissingOrElsewhere) {
  FakeFleet fleet(2);
  EXPECT_THAT(CheckFleetHasHosts(SamplePlan(2), *fleet.fleet), IsOk());
  EXPECT_THAT(CheckFleetHasHosts(SamplePlan(4), *fleet.fleet),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("a[3-4] (2)")));
  v1::SysctlPlan moved = SamplePlan(2);
  moved.mutable_hosts(1)->set_address("elsewhere:7117");
  EXPECT_THAT(CheckFleetHasHosts(moved, *fleet.fleet),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("a2 is at a2:7117")));
  moved.mutable_hosts(1)->set_address("unix:/tmp/tcpfleet.1/agent.sock");
  EXPECT_FALSE(CheckFleetHasHosts(moved, *fleet.fleet).ok());
}

}  // namespace
}  // namespace tcpfleet::controller
