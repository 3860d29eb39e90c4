#include "controller/cli/program.h"

#include <sstream>
#include <stdexcept>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/cli/echo_command.h"

namespace tcpfleet::controller {
namespace {

struct Ran {
  ExitCode exit_code;
  std::string out;
  std::string err;
};

Ran RunWith(const std::vector<std::string>& words, const Environment& environment) {
  std::ostringstream out;
  std::ostringstream err;
  base::SystemClock clock;
  Interrupt interrupt;
  ProgramWorld world{.out = out,
                     .err = err,
                     .clock = clock,
                     .interrupt = interrupt,
                     .environment = environment,
                     .open_fleet = {}};
  const ExitCode exit_code = RunProgram(words, kTestCommands, world);
  return {exit_code, out.str(), err.str()};
}

Ran RunWords(const std::vector<std::string>& words) {
  return RunWith(words, [](const std::string&) { return std::nullopt; });
}

TEST(RunProgram, RunsACommand) {
  const Ran ran = RunWords({"echo", "--target", "you", "hi", "there"});
  EXPECT_EQ(ran.exit_code, kOk);
  EXPECT_EQ(ran.out, "you: hi|there x1 agents \n");
  EXPECT_EQ(ran.err, "");
}

TEST(RunProgram, LetsTheCommandLineWinOverTheEnvironment) {
  const Environment environment = [](const std::string& name) {
    return name == "TCPFLEET_AGENTS" ? std::optional<std::string>("from-environment")
                                     : std::nullopt;
  };
  EXPECT_EQ(RunWith({"echo", "--target", "t"}, environment).out,
            "t:  x1 agents from-environment\n");
  EXPECT_EQ(RunWith({"echo", "--target", "t", "--agents", "typed"}, environment).out,
            "t:  x1 agents typed\n");
}

TEST(RunProgram, ExplainsItselfOnStderrWithoutACommand) {
  const Ran ran = RunWords({});
  EXPECT_EQ(ran.exit_code, kUsage);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, ::testing::HasSubstr("Usage: tcpfleet"));
}

TEST(RunProgram, SaysAMistakeInOneLineAndAHint) {
  const Ran ran = RunWords({"ned"});
  EXPECT_EQ(ran.exit_code, kUsage);
  EXPECT_EQ(ran.err,
            "tcpfleet: unknown command 'ned', did you mean 'end'?\n"
            "Try 'tcpfleet help' for more.\n");
}

TEST(RunProgram, TurnsAStatusIntoALineAndAnExitCode) {
  const struct {
    absl::Status status;
    ExitCode exit_code;
  } cases[] = {{absl::InvalidArgumentError("x"), kUsage},
               {absl::UnavailableError("x"), kPartial},
               {absl::PermissionDeniedError("x"), kRefused},
               {absl::InternalError("x"), kAborted}};
  for (const auto& [status, exit_code] : cases) {
    EndCommand::next = [&status = status] { return status; };
    const Ran ran = RunWords({"end"});
    EXPECT_EQ(ran.exit_code, exit_code) << status;
    EXPECT_EQ(ran.err, "tcpfleet: x\n");
  }
}

TEST(RunProgram, PassesExitCodesOn) {
  EndCommand::next = [] { return kCheckFailed; };
  EXPECT_EQ(RunWords({"end"}).exit_code, kCheckFailed);
}

TEST(RunProgram, ShowsNoExceptionTrace) {
  EndCommand::next = []() -> absl::StatusOr<ExitCode> { throw std::runtime_error("a library's"); };
  const Ran ran = RunWords({"end"});
  EXPECT_EQ(ran.exit_code, kAborted);
  EXPECT_EQ(ran.err, "tcpfleet: a library's\n");
}

TEST(RunProgram, KeepsControlCharactersFromTheTerminal) {
  const Ran ran = RunWords({"\x1b[2J"});
  EXPECT_EQ(ran.err, "tcpfleet: unknown command '?[2J'\nTry 'tcpfleet help' for more.\n");
}

}  // namespace
}  // namespace tcpfleet::controller
