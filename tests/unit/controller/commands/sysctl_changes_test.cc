#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "common/sys/file.h"
#include "controller/rollout/plan_file.h"
#include "tcpfleet/v1/tuning.pb.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/commands/command_run.h"

namespace tcpfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using tests::IsOk;

// Hosts whose somaxconn is 128, and that take every change.
FakeFleet Hosts(size_t count) {
  FakeFleet fleet(count);
  for (FakeAgentClient* client : fleet.clients) {
    client->read_sysctls = [](const auto&, const auto& on_message) {
      v1::ReadSysctlsResponse response;
      v1::Sysctl& sysctl = *response.add_sysctls();
      sysctl.set_key("net/core/somaxconn");
      sysctl.set_value("128");
      sysctl.set_writable(true);
      on_message(std::move(response));
      return absl::OkStatus();
    };
    client->prepare_sysctls = [](const auto&) {
      v1::PrepareSysctlsResponse response;
      response.set_reserved(true);
      return response;
    };
  }
  return fleet;
}

class SysctlChanges : public testing::Test {
 protected:
  CommandRun Plan(FakeFleet fleet, const std::vector<std::string>& output = {}) {
    std::vector<std::string> words = {"sysctl", "plan",    "--set", "net.core.somaxconn=4096",
                                      "--save", PlanPath()};
    words.insert(words.end(), output.begin(), output.end());
    return RunOn(fleet, words);
  }
  std::string PlanPath() const { return directory_->path() + "/plan.json"; }
  absl::StatusOr<sys::TemporaryDirectory> directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-changes");
};

TEST_F(SysctlChanges, PlanShowsTheChangeOncePerGroup) {
  const CommandRun run = Plan(Hosts(3));
  EXPECT_EQ(run.exit_code, kOk) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("a[1-3] (3)\n  net.core.somaxconn  128 -> 4096  raises"),
                             HasSubstr("3 to change, 0 as wanted, 0 left out")));
  EXPECT_THAT(ReadSysctlPlan(PlanPath()), IsOk());
}

TEST_F(SysctlChanges, PlanIsItsMessageInJson) {
  const CommandRun run = Plan(Hosts(2), {"--output", "json"});
  v1::SysctlPlan plan;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(run.out, &plan).ok()) << run.out;
  EXPECT_EQ(plan.SerializeAsString(), ReadSysctlPlan(PlanPath())->SerializeAsString());
}

TEST_F(SysctlChanges, PlanIsARowPerHostAndChangeInCsv) {
  const CommandRun run = Plan(Hosts(2), {"--output", "csv"});
  EXPECT_THAT(run.out, HasSubstr("a2,net.core.somaxconn,128,4096,raises,"));
}

TEST_F(SysctlChanges, SilentHostsMakeThePlanPartialAndLeftOutOnesRefused) {
  FakeFleet silent = Hosts(2);
  silent.clients[1]->describe = [] { return absl::UnavailableError("gone"); };
  EXPECT_EQ(Plan(std::move(silent)).exit_code, kPartial);
  FakeFleet other = Hosts(2);
  other.clients[1]->read_sysctls = [](const auto&, const auto&) { return absl::OkStatus(); };
  const CommandRun run = Plan(std::move(other));
  EXPECT_EQ(run.exit_code, kRefused);
  EXPECT_THAT(run.out, HasSubstr("left out:\n  a2: net.core.somaxconn: "));
}

TEST_F(SysctlChanges, ApplyingWithoutYesOnlyAsks) {
  Plan(Hosts(2));
  FakeFleet fleet = Hosts(2);
  for (FakeAgentClient* client : fleet.clients) {
    client->apply_sysctls = [](const auto&) {
      ADD_FAILURE() << "was applied";
      return v1::ApplySysctlsResponse();
    };
  }
  const CommandRun run = RunOn(fleet, {"sysctl", "apply", PlanPath()});
  EXPECT_EQ(run.exit_code, kOk) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("128 -> 4096"), HasSubstr("wave 2 of 2: a2: waiting")));
  EXPECT_THAT(run.err, HasSubstr("nothing was written: add --yes"));
  EXPECT_FALSE(sys::ReadFile(PlanPath() + ".rollout").ok());
}

TEST_F(SysctlChanges, ApplyingToAnotherFleetIsRefused) {
  Plan(Hosts(3));
  FakeFleet fleet = Hosts(2);
  const CommandRun run = RunOn(fleet, {"sysctl", "apply", PlanPath(), "--yes"});
  EXPECT_EQ(run.exit_code, kRefused);
  EXPECT_THAT(run.err, HasSubstr("not in this fleet: a3"));
}

TEST_F(SysctlChanges, ResumingKeepsWhatTheRolloutBeganWith) {
  Plan(Hosts(1));
  FakeFleet fleet = Hosts(1);
  CommandRun run = RunOn(fleet, {"sysctl", "apply", PlanPath(), "--yes", "--resume"});
  EXPECT_EQ(run.exit_code, kRefused);
  EXPECT_THAT(run.err, HasSubstr("no rollout was begun"));
  run = RunOn(fleet, {"sysctl", "apply", PlanPath(), "--yes", "--resume", "--soak", "1s"});
  EXPECT_EQ(run.exit_code, kUsage);
  EXPECT_THAT(run.err, HasSubstr("--soak cannot be changed by --resume"));
}

}  // namespace
}  // namespace tcpfleet::controller
