#include "controller/commands/command_table.h"

#include <gmock/gmock.h>

#include "tests/support/golden.h"
#include "tests/unit/controller/commands/command_run.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::ExpectGolden;

std::string Help(const std::vector<std::string>& words) {
  FakeFleet fleet(0);
  return RunOn(fleet, words).out;
}

TEST(CommandTable, ExplainsItself) { ExpectGolden("help.txt", Help({"help"})); }

TEST(CommandTable, ExplainsEveryCommand) {
  for (const CommandEntry& command : Commands()) {
    const std::string name(command.name);
    const std::string text = Help({"help", name});
    EXPECT_THAT(text, ::testing::StartsWith(std::string(command.summary)));
    if (name != "stress") ExpectGolden("help_" + name + ".txt", text);
  }
}

TEST(CommandTable, SuggestsACommand) {
  FakeFleet fleet(0);
  const CommandRun run = RunOn(fleet, {"stres"});
  EXPECT_EQ(run.exit_code, kUsage);
  EXPECT_EQ(run.err,
            "tcpfleet: unknown command 'stres', did you mean 'stress'?\n"
            "Try 'tcpfleet help' for more.\n");
}

}  // namespace
}  // namespace tcpfleet::controller
