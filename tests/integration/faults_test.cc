// What happens to a run when something dies, hangs, is cut off or runs out.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <csignal>

#include "common/base/clock.h"
#include "tests/integration/fleet_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_server.h"

namespace tcpfleet::tests {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr int64_t kLeaseNs = 3'000'000'000;

class FaultsTest : public FleetTest {
 protected:
  // web1 loads a plain server on another host, so that nothing but web1's own rules can end the
  // load.
  void StartLoad() {
    if (agents_.empty()) AddAgent("web1");
    server_host_ = &AddHost("plain");
    auto server = PlainServer::Create(PlainServer::Behaviour::kEcho, {server_host_->ipv4(), 0},
                                      &server_host_->network());
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    SynsSeenBy(*server_host_);
    controller_.emplace(StartController({"stress", "crr", "--target",
                                         server_->endpoint().ToString(), "--connections", "16",
                                         "--rate", "1000", "--duration", "40s", "--warmup", "0s"}));
    ASSERT_TRUE(EventuallyTrue([&] { return SynsSeenBy(*server_host_) > 100; }))
        << controller_->err.Text();
  }

  // No connection may be tried later than `grace_ns` from now, and a second later no socket may be
  // left.
  void ExpectLoadEndsWithin(int64_t grace_ns) {
    const int64_t fault_ns = base::MonotonicNowNs();
    base::SystemClock clock;
    clock.SleepUntil(fault_ns + grace_ns, {});
    const uint64_t syns = SynsSeenBy(*server_host_);
    clock.SleepUntil(fault_ns + grace_ns + 1'000'000'000, {});
    EXPECT_EQ(SynsSeenBy(*server_host_), syns);
    EXPECT_EQ(SocketsWithPort(*agent("web1").host, server_->endpoint().port), 0u);
  }

  void ExpectReadyForTheNextRun() {
    const v1::StressReport next =
        Stress({"crr", "--target", server_->endpoint().ToString(), "--connections", "4",
                "--duration", "500ms", "--warmup", "0s"});
    EXPECT_EQ(next.verdict(), "PASS") << next.verdict_reason();
  }

  Host* server_host_ = nullptr;
  std::unique_ptr<PlainServer> server_;
  std::optional<RunningProgram> controller_;
};

TEST_F(FaultsTest, KilledControllerEndsTheLoad) {
  StartLoad();
  controller_->process.Signal(SIGKILL);
  ExpectLoadEndsWithin(500'000'000);
  ExpectReadyForTheNextRun();
}

TEST_F(FaultsTest, HungControllerEndsTheLoadWithTheLease) {
  StartLoad();
  controller_->process.Signal(SIGSTOP);
  ExpectLoadEndsWithin(kLeaseNs + 500'000'000);
  controller_->process.Signal(SIGCONT);
  EXPECT_EQ(controller_->process.WaitUntil(base::MonotonicNowNs() + 20'000'000'000), 3)
      << controller_->err.Text();
  EXPECT_THAT(controller_->err.Text() + controller_->out.Text(), HasSubstr("lease"));
  ExpectReadyForTheNextRun();
}

TEST_F(FaultsTest, CutLinkToTheControllerEndsTheLoadWithTheLease) {
  StartLoad();
  ASSERT_TRUE(console_->CutLink().ok());
  ExpectLoadEndsWithin(kLeaseNs + 500'000'000);
  EXPECT_EQ(controller_->process.WaitUntil(base::MonotonicNowNs() + 20'000'000'000), 3)
      << controller_->err.Text();
  EXPECT_THAT(controller_->out.Text(), AllOf(HasSubstr("web1"), HasSubstr("silent")));
  ASSERT_TRUE(console_->RestoreLink().ok());
  ExpectReadyForTheNextRun();
}

TEST_F(FaultsTest, InterruptedControllerPrintsWhatHasArrived) {
  StartLoad();
  controller_->process.Signal(SIGINT);
  EXPECT_EQ(controller_->process.WaitUntil(base::MonotonicNowNs() + 5'000'000'000), 5)
      << controller_->err.Text();
  EXPECT_THAT(controller_->out.Text(), AllOf(HasSubstr("web1"), HasSubstr("interrupted")));
  ExpectLoadEndsWithin(0);
}

TEST_F(FaultsTest, KilledAgentIsNamedAndTheOthersFinish) {
  AddAgent("web2");
  AddAgent("web1");
  StartLoad();
  agent("web2").program.process.Signal(SIGKILL);
  agent("web2").program.process.Wait();
  controller_->process.Signal(SIGINT);  // 40 s are not needed
  EXPECT_TRUE(controller_->process.WaitUntil(base::MonotonicNowNs() + 20'000'000'000).has_value());

  agent("web2").program = StartAgent(*agent("web2").host, {});
  RunningProgram run = StartController({"--output", "json", "stress", "crr", "--target",
                                        server_->endpoint().ToString(), "--connections", "8",
                                        "--duration", "3s", "--warmup", "0s"});
  const uint64_t syns = SynsSeenBy(*server_host_);
  ASSERT_TRUE(EventuallyTrue([&] { return SynsSeenBy(*server_host_) > syns + 100; }))
      << run.err.Text();
  agent("web2").program.process.Signal(SIGKILL);
  EXPECT_EQ(run.process.WaitUntil(base::MonotonicNowNs() + 20'000'000'000), 3) << run.err.Text();
  const v1::StressReport report = ParseStressReport(run.out.Text());
  EXPECT_EQ(report.verdict(), "PARTIAL");
  ASSERT_THAT(report.failures(), SizeIs(1));
  EXPECT_EQ(report.failures(0).name(), "web2");
  EXPECT_EQ(report.failures(0).kind(), "died");
  EXPECT_GT(ResultOf(report, "web1").measured_seconds(), 2.5);
}

TEST_F(FaultsTest, UnreachableAgentIsNamedAndTheOthersRun) {
  AddAgent("web1");
  AddAgent("web2");
  TestAgent& gone = AddAgent("web3");
  gone.program.process.Signal(SIGTERM);
  EXPECT_EQ(gone.program.process.Wait(), 0);
  const v1::StressReport report = Stress(
      {"crr", "--serve", "web1", "--connections", "4", "--duration", "500ms", "--warmup", "0s"}, 3);
  EXPECT_EQ(report.verdict(), "PARTIAL");
  ASSERT_THAT(report.failures(), SizeIs(1));
  EXPECT_EQ(report.failures(0).address(), gone.address);
  EXPECT_EQ(report.failures(0).kind(), "unreachable");
  EXPECT_GT(ResultOf(report, "web2").succeeded(), 0u);
}

TEST_F(FaultsTest, VanishedServerHostShowsAsTimeouts) {
  AddAgent("web1");
  Host& host = AddHost("plain");
  const auto server =
      PlainServer::Create(PlainServer::Behaviour::kEcho, {host.ipv4(), 0}, &host.network());
  ASSERT_TRUE(server.ok()) << server.status();
  SynsSeenBy(host);
  RunningProgram run = StartController(
      {"--output", "json", "stress", "crr", "--target", (*server)->endpoint().ToString(),
       "--connections", "8", "--duration", "4s", "--warmup", "0s", "--connect-timeout", "500ms"});
  ASSERT_TRUE(EventuallyTrue([&] { return SynsSeenBy(host) > 100; })) << run.err.Text();
  ASSERT_TRUE(host.CutLink().ok());
  EXPECT_EQ(run.process.WaitUntil(base::MonotonicNowNs() + 20'000'000'000), 0) << run.err.Text();
  const v1::StressReport report = ParseStressReport(run.out.Text());
  ExpectAccountsAddUp(report.total());
  EXPECT_GT(report.total().cancelled() + report.total().failed().count("timeout"), 0u)
      << report.DebugString();
}

TEST_F(FaultsTest, RefusingTargetIsCountedAsRefused) {
  AddAgent("web1");
  Host& host = AddHost("empty");
  const v1::StressReport report =
      Stress({"connect", "--target", absl::StrCat(host.ipv4().ToString(), ":9"), "--connections",
              "4", "--duration", "500ms", "--warmup", "0s", "--threshold", "failedPercent<1"},
             1);
  EXPECT_EQ(report.total().succeeded(), 0u);
  EXPECT_THAT(report.total().failed(),
              AllOf(SizeIs(1), Contains(Pair("refused", ::testing::Gt(0)))));
  EXPECT_DOUBLE_EQ(report.thresholds(0).observed(), 100);
}

TEST_F(FaultsTest, TargetNameThatDoesNotResolveIsSaidAndNothingRuns) {
  AddAgent("web1");
  const CommandResult result =
      Controller({"stress", "crr", "--target", "no-such-host.invalid:80", "--duration", "1s"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.out + result.err,
              AllOf(HasSubstr("no-such-host.invalid"), HasSubstr("does not resolve")));
}

TEST_F(FaultsTest, TargetOutsideTheAllowedNetworksIsRefusedByTheAgent) {
  AddAgent("web1", {"--allow-target", "198.18.0.0/24"});
  const CommandResult result =
      Controller({"stress", "crr", "--target", "198.18.9.9:80", "--duration", "1s"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.out + result.err, AllOf(HasSubstr("198.18.9.9"), HasSubstr("--allow-target")));
}

TEST_F(FaultsTest, SpecBeyondTheAgentsLimitsIsRefusedByName) {
  AddAgent("web1", {"--max-connections", "100", "--max-duration", "10s"});
  const CommandResult connections = Controller(
      {"stress", "hold", "--target", "198.18.0.1:9", "--connections", "101", "--duration", "1s"});
  EXPECT_EQ(connections.exit_code, 4);
  EXPECT_THAT(connections.out + connections.err, HasSubstr("--max-connections"));
  const CommandResult duration = Controller(
      {"stress", "hold", "--target", "198.18.0.1:9", "--connections", "1", "--duration", "11s"});
  EXPECT_EQ(duration.exit_code, 4);
  EXPECT_THAT(duration.out + duration.err, HasSubstr("--max-duration"));
}

TEST_F(FaultsTest, ClientOutOfDescriptorsCountsLocalFd) {
  AddAgent("small");
  ASSERT_EQ(RunCommand({"prlimit", "--nofile=200:200", "--pid",
                        absl::StrCat(agent("small").program.process.pid())})
                ->exit_code,
            0);
  Host& target = AddHost("plain");
  const auto server =
      PlainServer::Create(PlainServer::Behaviour::kHold, {target.ipv4(), 0}, &target.network());
  ASSERT_TRUE(server.ok()) << server.status();
  const v1::StressReport report =
      Stress({"hold", "--target", (*server)->endpoint().ToString(), "--connections", "400",
              "--duration", "1s", "--warmup", "0s", "--force"},
             1);
  EXPECT_GT(report.total().failed().at("localFd"), 0u);
  EXPECT_GT(report.total().succeeded(), 50u);
  EXPECT_LT(report.total().succeeded(), 200u);
}

TEST_F(FaultsTest, ServerOutOfDescriptorsSaysSoAndServesTheRest) {
  AddAgent("web1");
  AddAgent("web2");
  ASSERT_EQ(RunCommand({"prlimit", "--nofile=200:200", "--pid",
                        absl::StrCat(agent("web2").program.process.pid())})
                ->exit_code,
            0);
  const v1::StressReport report = Stress({"hold", "--serve", "web2", "--connections", "400",
                                          "--duration", "2s", "--warmup", "0s", "--force"},
                                         1);
  const v1::RunResult& server = ResultOf(report, "web2", "server");
  EXPECT_GT(server.accept_failed().at("localFd"), 0u);
  EXPECT_GT(server.connections_accepted(), 50u);
  EXPECT_THAT(report.verdict_reason(), HasSubstr("localFd"));
  const std::vector<std::string> log = absl::StrSplit(agent("web2").program.err.Text(), '\n');
  EXPECT_LT(log.size(), 20u);
}

TEST_F(FaultsTest, UsedUpPortsAreCountedAndExplained) {
  AddAgent("web1");
  AddAgent("web2");
  ASSERT_TRUE(agent("web1").host->SetSysctl("net.ipv4.ip_local_port_range", "40000 40099").ok());
  const std::vector<std::string> run = {
      "hold", "--serve", "web2", "--connections", "150", "--duration", "1s", "--warmup", "0s"};
  // Before anything is sent the agent knows; who goes on nevertheless sees it happen.
  const v1::StressReport stopped = Stress(run, 4);
  EXPECT_THAT(ResultOf(stopped, "web1").blockers(), Contains(HasSubstr("ip_local_port_range")));
  EXPECT_EQ(stopped.total().attempted(), 0u);
  std::vector<std::string> forced = run;
  forced.push_back("--force");
  const v1::StressReport report = Stress(forced, 1);
  EXPECT_GT(report.total().failed().at("localPort"), 0u);
  EXPECT_EQ(report.total().active(), 100u);
  forced.insert(forced.begin(), "stress");
  EXPECT_THAT(Controller(forced).out,
              AllOf(HasSubstr("localPort"), HasSubstr("ip_local_port_range")));
}

TEST_F(FaultsTest, SecondAgentOnTheSamePortRefusesToStart) {
  TestAgent& first = AddAgent("web1");
  const absl::StatusOr<CommandResult> second =
      first.host->Command({TCPFLEET_AGENT_PROGRAM, "--listen", first.address, "--insecure-listen"});
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->exit_code, 1);
  EXPECT_THAT(second->err, AllOf(HasSubstr(first.address), HasSubstr("in use")));
  EXPECT_EQ(absl::StrContains(second->out, "ready"), false);
}

TEST_F(FaultsTest, StoppedAgentEndsItsRunsAtOnceWithAWord) {
  StartLoad();
  agent("web1").program.process.Signal(SIGTERM);
  EXPECT_EQ(agent("web1").program.process.WaitUntil(base::MonotonicNowNs() + 3'000'000'000), 0);
  EXPECT_EQ(controller_->process.WaitUntil(base::MonotonicNowNs() + 10'000'000'000), 3)
      << controller_->err.Text();
  EXPECT_THAT(controller_->out.Text(), HasSubstr("stopping"));
}

}  // namespace
}  // namespace tcpfleet::tests
