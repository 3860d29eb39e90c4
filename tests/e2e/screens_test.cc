// What people see at the console: a recording replayed in a terminal, and what comes back when keys
// are pressed.
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "common/sys/file.h"
#include "controller/record/recorder.h"
#include "tests/support/eventually.h"
#include "tests/support/fleet_story.h"
#include "tests/support/golden.h"
#include "tests/support/run_command.h"
#include "tests/support/tmux.h"

namespace tcpfleet::tests {
namespace {

using controller::Recorder;
using controller::RecorderOptions;

// Half a minute of FleetStory. It stays as it is, so that it also shows that old recordings open;
// where the file is missing, UPDATE_GOLDEN=1 writes it.
std::string RecordingPath() {
  const std::string path = absl::StrCat(TCPFLEET_GOLDEN_DIR, "/../recordings/three_hosts.tfr");
  if (std::filesystem::exists(path) || std::getenv("UPDATE_GOLDEN") == nullptr) return path;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  RecorderOptions options;
  options.path = path;
  options.header.set_interval_ms(1000);
  auto recorder = Recorder::Create(options, absl::FromUnixNanos(FleetStory::kBeginUnixNs));
  EXPECT_TRUE(recorder.ok()) << recorder.status();
  FleetStory story({});
  for (int second = 0; second < 30; ++second) {
    for (const v1::RecordingEntry& entry : story.NextSecond()) {
      EXPECT_TRUE((*recorder)->Append(entry).ok());
    }
  }
  EXPECT_TRUE((*recorder)->Finish().ok());
  return path;
}

class ScreensTest : public ::testing::TestWithParam<std::pair<int, int>> {
 protected:
  // Stands still 20 s after the begin.
  absl::StatusOr<TmuxTerminal> Replay(std::vector<std::string> more = {},
                                      std::vector<std::string> environment = {}) const {
    std::vector<std::string> arguments{TCPFLEET_PROGRAM, "replay", RecordingPath(), "--at", "20s",
                                       "--to",           "20s"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return TmuxTerminal::Start({.width = GetParam().first,
                                .height = GetParam().second,
                                .arguments = arguments,
                                .environment = std::move(environment)});
  }
  static void ExpectScreen(const std::string& name, const absl::StatusOr<std::string>& screen) {
    ASSERT_TRUE(screen.ok()) << screen.status();
    ExpectGolden(absl::StrCat(name, "_", GetParam().first, "x", GetParam().second, ".txt"),
                 *screen);
  }
};

TEST_P(ScreensTest, Table) {
  auto terminal = Replay();
  ASSERT_TRUE(terminal.ok()) << terminal.status();
  ExpectScreen("table", terminal->TextWith("END 14:00:20"));
}

TEST_P(ScreensTest, TableInAscii) {
  auto terminal = Replay({}, {"LANG=C", "LC_ALL=C"});
  ASSERT_TRUE(terminal.ok()) << terminal.status();
  ExpectScreen("ascii", terminal->TextWith("END 14:00:20"));
}

TEST_P(ScreensTest, Filter) {
  auto terminal = Replay();
  ASSERT_TRUE(terminal.ok()) << terminal.status();
  ASSERT_TRUE(terminal->TextWith("END 14:00:20").ok());
  ASSERT_TRUE(terminal->Type("/rtt > 5ms and retran").ok());
  ExpectScreen("filter_mistake", terminal->TextWith("column"));
  ASSERT_TRUE(terminal->Press({"C-w"}).ok());
  ASSERT_TRUE(terminal->Type("dport = :5432").ok());
  ASSERT_TRUE(terminal->Press({"Enter"}).ok());
  ExpectScreen("filter", terminal->TextWith("? help"));
}

TEST_P(ScreensTest, Groups) {
  auto terminal = Replay({"--group-by", "host,process"});
  ASSERT_TRUE(terminal.ok()) << terminal.status();
  ASSERT_TRUE(terminal->TextWith("END 14:00:20").ok());
  ASSERT_TRUE(terminal->Press({"Enter", "Down"}).ok());
  ExpectScreen("groups", terminal->TextWith("▾"));
}

TEST_P(ScreensTest, Detail) {
  auto terminal = Replay({"dport", "=", ":5432", "--sort", "-rtt"});
  ASSERT_TRUE(terminal.ok()) << terminal.status();
  ASSERT_TRUE(terminal->TextWith("END 14:00:20").ok());
  ASSERT_TRUE(terminal->Press({"Enter"}).ok());
  ExpectScreen("detail", terminal->TextWith("FIELDS"));
}

TEST_P(ScreensTest, HelpHostsAndChooser) {
  auto terminal = Replay();
  ASSERT_TRUE(terminal.ok()) << terminal.status();
  ASSERT_TRUE(terminal->TextWith("END 14:00:20").ok());
  ASSERT_TRUE(terminal->Press({"?"}).ok());
  ExpectScreen("help", terminal->TextWith("any key"));
  ASSERT_TRUE(terminal->Press({"x", "h"}).ok());
  ExpectScreen("hosts", terminal->TextWith("HOSTS"));
  ASSERT_TRUE(terminal->Press({"h", "s"}).ok());
  ASSERT_TRUE(terminal->Type("rtt").ok());
  ExpectScreen("chooser", terminal->TextWith("> rtt"));
}

INSTANTIATE_TEST_SUITE_P(E2e, ScreensTest, ::testing::Values(std::pair(80, 24), std::pair(200, 50)),
                         [](const auto& size) {
                           return absl::StrCat(size.param.first, "x", size.param.second);
                         });

class ConsoleLifeTest : public ::testing::Test {
 protected:
  // The console in a shell, which tells how it ended and whether the terminal is as it was.
  absl::StatusOr<TmuxTerminal> Start(const std::string& command) {
    return TmuxTerminal::Start(
        {.arguments = {"/bin/sh", "-c",
                       absl::StrCat("before=$(stty -g); ", command,
                                    "; echo exit $?; [ \"$before\" = \"$(stty -g)\" ] && "
                                    "echo terminal restored; sleep 1000")}});
  }
  std::string Replay() const {
    return absl::StrCat(TCPFLEET_PROGRAM, " replay ", RecordingPath(), " --at 20s --speed 0.1");
  }
};

TEST_F(ConsoleLifeTest, QuitRestoresTheTerminal) {
  auto terminal = Start(Replay());
  ASSERT_TRUE(terminal.ok()) << terminal.status();
  ASSERT_TRUE(terminal->TextWith("REPLAY 0.1x").ok());
  ASSERT_TRUE(terminal->Press({"q"}).ok());
  const auto text = terminal->TextWith("terminal restored");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_TRUE(absl::StrContains(*text, "exit 0"));
  EXPECT_FALSE(absl::StrContains(*text, "REPLAY")) << "the screen before is back";
}

TEST_F(ConsoleLifeTest, CtrlCRestoresTheTerminal) {
  auto terminal = Start(Replay());
  ASSERT_TRUE(terminal.ok()) << terminal.status();
  ASSERT_TRUE(terminal->TextWith("REPLAY 0.1x").ok());
  ASSERT_TRUE(terminal->Press({"C-c"}).ok());
  const auto text = terminal->TextWith("terminal restored");
  ASSERT_TRUE(text.ok()) << text.status();
}

TEST_F(ConsoleLifeTest, SigtermRestoresTheTerminal) {
  auto terminal = Start(Replay());
  ASSERT_TRUE(terminal.ok()) << terminal.status();
  ASSERT_TRUE(terminal->TextWith("REPLAY 0.1x").ok());
  const auto shell = terminal->Pid();
  ASSERT_TRUE(shell.ok()) << shell.status();
  const auto children =
      sys::ReadFile(absl::StrCat("/proc/", *shell, "/task/", *shell, "/children"));
  int console = 0;
  ASSERT_TRUE(absl::SimpleAtoi(absl::StripAsciiWhitespace(children.value_or("")), &console));
  ASSERT_EQ(::kill(console, SIGTERM), 0);
  const auto text = terminal->TextWith("terminal restored");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_TRUE(absl::StrContains(*text, "exit 5"));
}

TEST_F(ConsoleLifeTest, FollowsTheSizeOfTheTerminal) {
  auto terminal = Start(Replay());
  ASSERT_TRUE(terminal.ok()) << terminal.status();
  ASSERT_TRUE(terminal->TextWith("REPLAY 0.1x").ok());
  ASSERT_TRUE(terminal->Resize(39, 9).ok());
  EXPECT_TRUE(terminal->TextWith("too small: 39x9").ok());
  ASSERT_TRUE(terminal->Resize(120, 30).ok());
  const auto text = terminal->TextWith("REPLAY 0.1x");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_TRUE(absl::StrContains(*text, "PROCESS")) << "a column that 80 have no room for";
}

TEST_F(ConsoleLifeTest, PausesAndSeeks) {
  auto terminal = Start(Replay());
  ASSERT_TRUE(terminal.ok()) << terminal.status();
  ASSERT_TRUE(terminal->TextWith("REPLAY 0.1x 14:00:20").ok());
  ASSERT_TRUE(terminal->Press({"Space"}).ok());
  ASSERT_TRUE(terminal->TextWith("PAUSED 14:00:20").ok());
  ASSERT_TRUE(terminal->Press({"{"}).ok());
  ASSERT_TRUE(terminal->TextWith("PAUSED 14:00:10").ok());
  ASSERT_TRUE(terminal->Press({"]"}).ok());
  const auto text = terminal->TextWith("PAUSED 14:00:11");
  EXPECT_TRUE(text.ok()) << text.status();
}

TEST_F(ConsoleLifeTest, AnUnknownTerminalIsOneLine) {
  auto terminal = Start(absl::StrCat("TERM=vt9999 ", Replay()));
  ASSERT_TRUE(terminal.ok()) << terminal.status();
  const auto text = terminal->TextWith("terminal restored");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_TRUE(absl::StrContains(*text, "the terminal 'vt9999' is not known here"));
}

TEST_F(ConsoleLifeTest, EndsWithItsTerminal) {
  auto terminal = TmuxTerminal::Start({.arguments = {TCPFLEET_PROGRAM, "replay", RecordingPath(),
                                                     "--at", "20s", "--speed", "0.1"}});
  ASSERT_TRUE(terminal.ok()) << terminal.status();
  ASSERT_TRUE(terminal->TextWith("REPLAY 0.1x").ok());
  const auto pid = terminal->Pid();
  ASSERT_TRUE(pid.ok()) << pid.status();
  const std::string process = absl::StrCat("/proc/", *pid);
  ASSERT_TRUE(std::filesystem::exists(process));
  { const TmuxTerminal closed = *std::move(terminal); }
  EXPECT_TRUE(EventuallyTrue([&] { return !std::filesystem::exists(process); }));
}

std::vector<std::string> ReplayLines(const std::vector<std::string>& more) {
  std::vector<std::string> arguments{TCPFLEET_PROGRAM, "replay", RecordingPath()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(ReplayLines, SayWhatMatches) {
  const auto result = RunCommand(ReplayLines({"--output", "jsonl", "--to", "1s", "dport = :5432"}));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 0) << result->err;
  EXPECT_EQ(std::count(result->out.begin(), result->out.end(), '\n'), 4) << result->out;
  EXPECT_TRUE(absl::StrContains(result->out, R"("event":"present")")) << result->out;
  EXPECT_FALSE(absl::StrContains(result->out, ":443")) << result->out;
  EXPECT_TRUE(absl::StrContains(result->err, "web9: down: connection refused")) << result->err;
}

TEST(ReplayLines, BeginWithWhatWasThereThen) {
  const auto result = RunCommand(ReplayLines({"--output", "jsonl", "--from", "3s", "--to", "4s"}));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 0) << result->err;
  const std::vector<std::string> lines = absl::StrSplit(absl::StripSuffix(result->out, "\n"), '\n');
  const auto is_present = [](const std::string& line) {
    return absl::StrContains(line, R"("event":"present")");
  };
  // All of them before anything else happens.
  EXPECT_TRUE(is_present(lines.front())) << lines.front();
  EXPECT_FALSE(is_present(lines.back())) << lines.back();
  EXPECT_TRUE(std::is_partitioned(lines.begin(), lines.end(), is_present)) << result->out;
}

TEST(ReplayLines, RefuseToBeOneJsonDocument) {
  const auto result = RunCommand(ReplayLines({"--output", "json"}));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 2);
  EXPECT_TRUE(absl::StrContains(result->err, "use --output jsonl")) << result->err;
}

TEST(ReplayLines, NameTheMistakeInAFilter) {
  const auto result = RunCommand(ReplayLines({"rtt > 5parsecs"}));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 2);
  EXPECT_TRUE(absl::StrContains(result->err, "column 7")) << result->err;
}

}  // namespace
}  // namespace tcpfleet::tests
