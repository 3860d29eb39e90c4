#include "controller/commands/stress.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <sstream>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/stress/simulation.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::IsOkAndHolds;
using tests::StatusIs;

// `tcpfleet stress ARGUMENTS` against agents that do not answer.
class DeadFleet {
 public:
  absl::StatusOr<ExitCode> Run(std::vector<std::string> arguments,
                               OutputFormat output = OutputFormat::kTable) {
    const std::unique_ptr<Command> command = MakeStressCommand();
    CLI::App app;
    command->AddOptions(app);
    std::reverse(arguments.begin(), arguments.end());
    app.parse(arguments);
    options_.output = output;
    CommandContext context{.out = out_,
                           .err = err_,
                           .clock = clock_,
                           .options = options_,
                           .interrupt = &interrupt_,
                           .fleet_source = [this] { return Open(); }};
    return command->Run(context);
  }

  bool opened() const { return opened_; }
  Interrupt& interrupt() { return interrupt_; }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

 private:
  absl::StatusOr<std::unique_ptr<Fleet>> Open() {
    opened_ = true;
    tests::Script dead;
    dead.greeting = absl::UnavailableError("Connection refused");
    std::vector<FleetMember> members;
    for (const std::string name : {"web01", "web02"}) {
      FleetMember& member = members.emplace_back();
      member.target.name = name;
      member.target.address = name + ":7117";
      member.client = std::make_unique<tests::ScriptedAgent>(inbox_, dead);
    }
    return std::make_unique<Fleet>(std::move(members), FleetOptions());
  }

  tests::SimulatedClock clock_;
  tests::SimulatedInbox inbox_{clock_};
  GlobalOptions options_;
  Interrupt interrupt_;
  std::ostringstream out_;
  std::ostringstream err_;
  bool opened_ = false;
};

TEST(StressCommand, RefusesBadOptionsBeforeItOpensTheFleet) {
  DeadFleet fleet;
  EXPECT_THAT(fleet.Run({"crr", "--target", "a:1", "--rate", "-1"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--rate")));
  EXPECT_FALSE(fleet.opened());
}

TEST(StressCommand, RefusesServersThatAreNotInTheFleet) {
  DeadFleet fleet;
  EXPECT_THAT(fleet.Run({"crr", "--serve", "wep01"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("did you mean 'web01'?")));
}

TEST(StressCommand, TakesOneValuePerRepeatedOption) {
  DeadFleet fleet;
  EXPECT_THAT(fleet.Run({"--target", "a:1", "--target", "b:2", "crr"}), IsOkAndHolds(kPartial));
}

TEST(StressCommand, PrintsOneDocumentAlsoWhenNothingRan) {
  DeadFleet fleet;
  EXPECT_THAT(fleet.Run({"crr", "--target", "a:1"}, OutputFormat::kJson), IsOkAndHolds(kPartial));
  v1::StressReport report;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(fleet.out(), &report).ok())
      << fleet.out();
  EXPECT_EQ(report.verdict(), "INVALID");
  EXPECT_EQ(report.failures_size(), 2);
  EXPECT_EQ(report.failures(0).kind(), "unreachable");
  EXPECT_THAT(fleet.err(), HasSubstr("web[01-02] (2): unreachable: connection refused"));
  EXPECT_THAT(fleet.err(), HasSubstr("INVALID: nothing ran: no client was ready"));
}

TEST(StressCommand, EndsAtOnceWhenInterruptedBeforeTheRun) {
  DeadFleet fleet;
  fleet.interrupt().Request();
  EXPECT_THAT(fleet.Run({"hold", "--serve", "web01"}), IsOkAndHolds(kAborted));
  EXPECT_THAT(fleet.out(), HasSubstr("interrupted"));
}

}  // namespace
}  // namespace tcpfleet::controller
