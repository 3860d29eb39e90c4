// Kernel parameters of several hosts, planned, rolled out and taken back as a user does it.
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <csignal>

#include "common/base/clock.h"
#include "controller/rollout/plan_file.h"
#include "tests/integration/fleet_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_server.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kKey[] = "net.core.somaxconn";
constexpr char kPath[] = "/proc/sys/net/core/somaxconn";

class RolloutTest : public FleetTest {
 protected:
  // Agents web1, web2, ... that may change parameters, each with an /etc/sysctl.d of its own; their
  // somaxconn is `planted`.
  void AddHosts(std::vector<std::string> planted) {
    for (const std::string& value : planted) {
      Host& host = AddHost(absl::StrCat("web", agents_.size() + 1));
      ASSERT_THAT(host.SetSysctl(kKey, value), IsOk());
      agents_.push_back(std::make_unique<TestAgent>(
          TestAgent{&host, StartTuned(host), absl::StrCat(host.ipv4().ToString(), ":7117")}));
    }
    planted_ = std::move(planted);
  }

  RunningProgram StartTuned(const Host& host) {
    return StartAgent(host,
                      {"--allow-sysctl", "default", "--state-directory",
                       absl::StrCat(directory_->path(), "/state-", host.name())},
                      {"unshare", "--mount", "sh", "-c",
                       "mount -t tmpfs none /etc/sysctl.d && exec \"$@\"", "sh"});
  }

  std::string InForce(const Host& host) const {
    return std::string(absl::StripSuffix(host.Command({"cat", kPath}).value().out, "\n"));
  }
  std::vector<std::string> InForce() const {
    std::vector<std::string> values;
    for (const auto& agent : agents_) values.push_back(InForce(*agent->host));
    return values;
  }
  std::string PlanPath() const { return directory_->path() + "/plan.json"; }

  // Saves a plan that sets somaxconn to 5000 until the next boot; its id.
  std::string Plan(const std::string& path) {
    const CommandResult result =
        Controller({"sysctl", "plan", "--set", absl::StrCat(kKey, "=5000"), "--runtime-only",
                    "--reason", "bursts", "--save", path});
    EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
    return controller::ReadSysctlPlan(path).value().id();
  }

  static std::vector<std::string> Apply(const std::string& path,
                                        const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"--timeout", "2s", "sysctl", "apply", path, "--yes"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  CommandResult ApplyNow(const std::vector<std::string>& more) {
    return Controller(Apply(PlanPath(), more));
  }

  int WaitFor(RunningProgram& program) {
    return program.process.WaitUntil(base::MonotonicNowNs() + 60'000'000'000).value_or(-1);
  }

  std::vector<std::string> planted_;
};

TEST_F(RolloutTest, PlansAppliesAndRollsBackAsAUserTypesIt) {
  AddHosts({"128", "128", "1000"});
  CommandResult result = Controller({"sysctl", "plan", "--set", absl::StrCat(kKey, "=5000"),
                                     "--reason", "bursts", "--save", PlanPath()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("web[1-2] (2)\n  net.core.somaxconn  128 -> 5000  raises"),
                    HasSubstr("web3\n  net.core.somaxconn  1000 -> 5000  raises"),
                    HasSubstr("3 to change, 0 as wanted, 0 left out")));
  EXPECT_EQ(InForce(), planted_);

  result = Controller({"sysctl", "apply", PlanPath()});
  EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
  EXPECT_THAT(result.out, AllOf(HasSubstr("128 -> 5000"), HasSubstr("wave 1 of 3: web1: waiting")));
  EXPECT_THAT(result.err, HasSubstr("nothing was written"));
  EXPECT_EQ(InForce(), planted_);

  result = ApplyNow({"--soak", "1s"});
  EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
  EXPECT_THAT(result.out, AllOf(HasSubstr("wave 3 of 3: web3: confirmed"), HasSubstr("answers")));
  EXPECT_THAT(InForce(), Each("5000"));
  const std::string own_file = absl::StrCat("/proc/", agent("web1").program.process.pid(),
                                            "/root/etc/sysctl.d/95-tcpfleet.conf");
  EXPECT_THAT(sys::ReadFile(own_file), IsOkAndHolds(HasSubstr("5000")));

  result = ApplyNow({});  // everything is so already: no soak
  EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
  EXPECT_THAT(result.out, HasSubstr("unchanged"));

  result = Controller({"sysctl", "log"});
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("net.core.somaxconn: 1000 -> 5000"), HasSubstr("confirm")));
  result = Controller({"sysctl", "log", "--verify"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "web[1-3] (3): whole\n");

  const std::string id = controller::ReadSysctlPlan(PlanPath()).value().id().substr(0, 12);
  ASSERT_THAT(agent("web2").host->SetSysctl(kKey, "77"), IsOk());
  result = Controller({"sysctl", "rollback", id});
  EXPECT_EQ(result.exit_code, 4) << result.err << result.out;
  EXPECT_THAT(result.out, HasSubstr("web2: changed since: net.core.somaxconn: 5000 -> 77"));
  EXPECT_THAT(InForce(), ElementsAre("128", "77", "1000"));
  result = Controller({"sysctl", "rollback", id, "--force"});
  EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
  EXPECT_EQ(InForce(), planted_);
  EXPECT_FALSE(sys::ReadFile(own_file).ok());
}

TEST_F(RolloutTest, CanaryThatFailsItsGateIsRolledBack) {
  AddHosts({"128", "128", "128"});
  Plan(PlanPath());
  RunningProgram rollout = StartController(Apply(PlanPath(), {"--soak", "5s"}));
  Host& canary = *agent("web1").host;
  ASSERT_TRUE(EventuallyTrue([&] { return InForce(canary) == "5000"; })) << rollout.err.Text();
  // What the change is to be blamed for: a server that does not accept any more.
  const auto server = PlainServer::Create(PlainServer::Behaviour::kFullBacklog, {canary.ipv4(), 0},
                                          &canary.network());
  ASSERT_THAT(server.status(), IsOk());
  const std::string connect =
      absl::StrCat("for i in 1 2 3 4 5 6 7 8; do timeout 1 bash -c '</dev/tcp/",
                   canary.ipv4().ToString(), "/", (*server)->endpoint().port, "' & done; wait");
  EXPECT_TRUE(agent("web2").host->Command({"bash", "-c", connect}).ok());
  EXPECT_EQ(WaitFor(rollout), 5) << rollout.err.Text() << rollout.out.Text();
  EXPECT_THAT(rollout.out.Text(), AllOf(HasSubstr("wave 1 of 3: web1: rolled-back"),
                                        HasSubstr("TcpExt.ListenOverflows"), HasSubstr("failed"),
                                        HasSubstr("wave 2 of 3: web2: waiting")));
  EXPECT_EQ(InForce(), planted_);
}

TEST_F(RolloutTest, KilledControllerLeavesHostsThatRevertAndCanBeGoneOnWith) {
  AddHosts({"128", "128", "128"});
  Plan(PlanPath());
  const std::vector<std::string> options = {"--canary", "0",  "--batches",        "100%",
                                            "--soak",   "3s", "--confirm-within", "7s"};
  RunningProgram rollout = StartController(Apply(PlanPath(), options));
  ASSERT_TRUE(EventuallyTrue([&] { return InForce() == std::vector<std::string>(3, "5000"); }))
      << rollout.err.Text();
  const int64_t killed_ns = base::MonotonicNowNs();
  rollout.process.Signal(SIGKILL);
  rollout.process.Wait();
  EXPECT_TRUE(EventuallyTrue([&] { return InForce() == planted_; }));
  EXPECT_LT(base::MonotonicNowNs() - killed_ns, 9'000'000'000);

  CommandResult result = ApplyNow({});
  EXPECT_EQ(result.exit_code, 4) << result.out;
  EXPECT_THAT(result.err, HasSubstr("--resume"));
  result = ApplyNow({"--resume"});
  EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
  EXPECT_THAT(InForce(), Each("5000"));
}

TEST_F(RolloutTest, ResumedWhileHostsWaitItTakesThemBackAndBeginsTheWaveAgain) {
  AddHosts({"128", "128"});
  Plan(PlanPath());
  RunningProgram rollout = StartController(Apply(PlanPath(), {"--soak", "3s"}));
  ASSERT_TRUE(EventuallyTrue([&] { return InForce(*agent("web2").host) == "5000"; }))
      << rollout.err.Text();
  rollout.process.Signal(SIGKILL);
  rollout.process.Wait();
  const CommandResult result = ApplyNow({"--resume"});
  EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
  EXPECT_THAT(result.out, AllOf(HasSubstr("web1: confirmed"), HasSubstr("web2: confirmed")));
  EXPECT_THAT(InForce(), Each("5000"));
}

TEST_F(RolloutTest, SecondControllerIsRefusedAndAnInterruptTakesTheWaveBack) {
  AddHosts({"128", "128"});
  Plan(PlanPath());
  const std::string another_path = directory_->path() + "/another.json";
  Plan(another_path);
  RunningProgram first = StartController(Apply(PlanPath(), {"--soak", "30s"}));
  const std::string state = PlanPath() + ".rollout";
  ASSERT_TRUE(EventuallyTrue([&] { return sys::ReadFile(state).ok(); })) << first.err.Text();
  CommandResult result;
  // Until the first has reserved the hosts.
  EXPECT_TRUE(EventuallyTrue([&] {
    result = Controller({"sysctl", "apply", another_path});
    return result.exit_code == 4;
  })) << result.out;
  result = Controller(Apply(another_path, {"--soak", "0s"}));
  EXPECT_EQ(result.exit_code, 4) << result.out;
  EXPECT_THAT(result.out, AllOf(HasSubstr("refused: held"), HasSubstr("nothing was written")));
  result = ApplyNow({});
  EXPECT_EQ(result.exit_code, 4) << result.out;
  EXPECT_THAT(result.err, HasSubstr("another controller"));
  first.process.Signal(SIGINT);
  EXPECT_EQ(WaitFor(first), 5) << first.err.Text();
  EXPECT_THAT(first.out.Text(), HasSubstr("interrupted"));
  EXPECT_EQ(InForce(), planted_);
  // The reservation went with it.
  EXPECT_EQ(Controller(Apply(another_path, {"--soak", "0s"})).exit_code, 0);
}

TEST_F(RolloutTest, OldPlansAndHostsThatHaveChangedAreRefused) {
  AddHosts({"128", "128"});
  Plan(PlanPath());
  ASSERT_THAT(agent("web2").host->SetSysctl(kKey, "99"), IsOk());
  CommandResult result = ApplyNow({"--soak", "0s"});
  EXPECT_EQ(result.exit_code, 4) << result.err << result.out;
  EXPECT_THAT(result.out, AllOf(HasSubstr("web2: refused"), HasSubstr("stale")));
  EXPECT_THAT(InForce(), ElementsAre("128", "99"));

  v1::SysctlPlan old = controller::ReadSysctlPlan(PlanPath()).value();
  old.mutable_created_at()->set_seconds(old.created_at().seconds() - 2 * 3600);
  controller::SealPlan(old);
  const std::string old_path = directory_->path() + "/old.json";
  ASSERT_THAT(controller::SaveSysctlPlan(old, old_path), IsOk());
  result = Controller(Apply(old_path, {}));
  EXPECT_EQ(result.exit_code, 4) << result.out;
  EXPECT_THAT(result.err, HasSubstr("make a new one"));
  EXPECT_THAT(InForce(), ElementsAre("128", "99"));
}

TEST_F(RolloutTest, WavesWaitForAPersonWhenThatIsWanted) {
  AddHosts({"128"});
  const std::string id = Plan(PlanPath());
  CommandResult result = ApplyNow({"--soak", "0s", "--manual-confirm"});
  EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
  EXPECT_THAT(result.out, HasSubstr("waits to be confirmed"));
  result = Controller({"sysctl", "confirm", id.substr(0, 12)});
  EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
  EXPECT_EQ(result.out, "web1: confirmed\n");
  result = ApplyNow({"--resume"});
  EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
  EXPECT_THAT(result.out, HasSubstr(": done"));
  EXPECT_THAT(InForce(), ElementsAre("5000"));
}

TEST_F(RolloutTest, HostsThatAllowNothingRefuse) {
  AddHosts({"128"});
  Host& strict = AddHost("strict");
  agents_.push_back(std::make_unique<TestAgent>(
      TestAgent{&strict, StartAgent(strict, {}), absl::StrCat(strict.ipv4().ToString(), ":7117")}));
  Plan(PlanPath());
  const CommandResult result = ApplyNow({"--soak", "0s"});
  EXPECT_EQ(result.exit_code, 4) << result.err << result.out;
  EXPECT_THAT(result.out, AllOf(HasSubstr("strict: refused: net.core.somaxconn: policy"),
                                HasSubstr("--allow-sysctl")));
  EXPECT_EQ(InForce(*agent("web1").host), "128");
}

}  // namespace
}  // namespace tcpfleet::tests
