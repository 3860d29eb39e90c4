#include "controller/cli/command_line.h"

#include "common/base/version.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/cli/echo_command.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::IsOk;
using ::tcpfleet::tests::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Words = std::vector<std::string>;

void ExpectMistake(const Words& words, const std::string& message) {
  CommandLine line(kTestCommands);
  EXPECT_THAT(line.Parse(words), StatusIs(absl::StatusCode::kInvalidArgument, message));
}

TEST(CommandLine, TakesGlobalOptionsBeforeAndAfterTheCommand) {
  for (const Words& words : {Words{"--agents", "a,b", "echo", "--target", "x", "hi"},
                             Words{"echo", "hi", "--target=x", "--agents=a,b"}}) {
    CommandLine line(kTestCommands);
    const auto parsed = line.Parse(words);
    ASSERT_THAT(parsed, IsOk());
    ASSERT_EQ(parsed->settings.size(), 1u);
    EXPECT_EQ(parsed->settings[0].place, "--agents");
    EXPECT_EQ(parsed->settings[0].value, "a,b");
    EXPECT_THAT(dynamic_cast<EchoCommand&>(*parsed->command).words, ElementsAre("hi"));
  }
}

TEST(CommandLine, KeepsWordsThatLookLikeListsOrCommands) {
  CommandLine line(kTestCommands);
  const auto parsed = line.Parse({"echo", "--target", "-x", "dst", "[2001:db8::1]", "=", "end"});
  ASSERT_THAT(parsed, IsOk());
  const auto& echo = dynamic_cast<EchoCommand&>(*parsed->command);
  EXPECT_THAT(echo.words, ElementsAre("dst", "[2001:db8::1] ", "=", "end"));
  EXPECT_EQ(echo.target, "-x");
}

TEST(CommandLine, SuggestsCommandsAndOptions) {
  ExpectMistake({"ecoh", "hi"},
                "unknown command 'ecoh', did you mean 'echo'?\nTry 'tcpfleet help' for more.");
  ExpectMistake({"echo", "--tagret", "x"},
                "unknown option '--tagret', did you mean '--target'?\n"
                "Try 'tcpfleet echo --help' for more.");
  ExpectMistake({"echo", "--target", "x", "--agnets=a"},
                "unknown option '--agnets', did you mean '--agents'?\n"
                "Try 'tcpfleet echo --help' for more.");
  ExpectMistake({"--agnets", "a", "end"},
                "unknown option '--agnets', did you mean '--agents'?\n"
                "Try 'tcpfleet end --help' for more.");
  ExpectMistake({"-q"}, "unknown option '-q'\nTry 'tcpfleet help' for more.");
  ExpectMistake({"help", "ecoh"},
                "unknown command 'ecoh', did you mean 'echo'?\nTry 'tcpfleet help' for more.");
}

TEST(CommandLine, RefusesArgumentsOfACommandThatTakesNone) {
  ExpectMistake({"end", "now"},
                "'end' takes no argument 'now'\nTry 'tcpfleet end --help' for more.");
}

TEST(CommandLine, SaysWhatIsMissingOrTooMuch) {
  ExpectMistake({"echo"}, "--target is required\nTry 'tcpfleet echo --help' for more.");
  ExpectMistake({"echo", "--target"},
                "--target: a value is missing\nTry 'tcpfleet echo --help' for more.");
  ExpectMistake({"end", "--timeout", "1s", "--timeout", "2s"},
                "--timeout is given more than once\nTry 'tcpfleet end --help' for more.");
}

TEST(CommandLine, RefusesAValueForASwitch) {
  ExpectMistake({"end", "--local=5"},
                "--local takes no value\nTry 'tcpfleet end --help' for more.");
}

TEST(CommandLine, ChecksValues) {
  ExpectMistake({"echo", "--target", "x", "--times", "-5"},
                "--times: '-5' is not a count: write for example 500, 100k or 2M\n"
                "Try 'tcpfleet echo --help' for more.");
  ExpectMistake({"echo", "--target", "x", "--times", "10"},
                "--times: '10' is out of range: it must be 1 to 9\n"
                "Try 'tcpfleet echo --help' for more.");
}

TEST(CommandLine, ExplainsItselfAndItsCommands) {
  for (const Words& words : {Words{"help"}, Words{"--help"}, Words{"-h"}}) {
    CommandLine line(kTestCommands);
    const auto parsed = line.Parse(words);
    ASSERT_THAT(parsed, IsOk());
    EXPECT_THAT(parsed->text, HasSubstr("say words"));
    EXPECT_THAT(parsed->text, HasSubstr("--inventory FILE"));
  }
  std::string by_option;
  for (const Words& words : {Words{"echo", "--help"}, Words{"help", "echo"}}) {
    CommandLine line(kTestCommands);
    const auto parsed = line.Parse(words);
    ASSERT_THAT(parsed, IsOk());
    EXPECT_THAT(parsed->text, HasSubstr("Usage: tcpfleet echo [OPTIONS]"));
    if (!by_option.empty()) {
      EXPECT_EQ(parsed->text, by_option);
    }
    by_option = parsed->text;
  }
}

TEST(CommandLine, PrintsItsVersion) {
  CommandLine line(kTestCommands);
  const auto parsed = line.Parse({"--version"});
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(parsed->text, "tcpfleet " + std::string(base::Version()) + "\n");
}

}  // namespace
}  // namespace tcpfleet::controller
