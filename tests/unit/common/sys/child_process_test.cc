#include "common/sys/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

ChildProcess::Options Program(std::vector<std::string> arguments) {
  ChildProcess::Options options;
  options.arguments = std::move(arguments);
  return options;
}

ChildProcess::Options Shell(const std::string& script) { return Program({"sh", "-c", script}); }

int ExitCodeOf(const ChildProcess::Options& options) {
  auto child = ChildProcess::Start(options);
  EXPECT_THAT(child, IsOk());
  return child.ok() ? child->Wait() : -1;
}

TEST(ChildProcess, ReportsTheExitCode) {
  EXPECT_EQ(ExitCodeOf(Shell("exit 0")), 0);
  EXPECT_EQ(ExitCodeOf(Shell("exit 7")), 7);
}

TEST(ChildProcess, ReportsASignalAsTheShellDoes) {
  EXPECT_EQ(ExitCodeOf(Shell("kill -TERM $$")), 128 + SIGTERM);
}

TEST(ChildProcess, SaysWhenThereIsNoSuchProgram) {
  EXPECT_THAT(ChildProcess::Start(Program({"/nonexistent/program"})),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("start /nonexistent/program")));
  EXPECT_THAT(ChildProcess::Start({}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ChildProcess, PassesPipes) {
  auto input = NewPipe();
  auto output = NewPipe();
  ASSERT_THAT(input, IsOk());
  ASSERT_THAT(output, IsOk());
  ChildProcess::Options options = Shell("read line; echo \"got $line\"; echo problem >&2");
  options.stdin_fd = input->read_end.get();
  options.stdout_fd = output->write_end.get();
  options.stderr_fd = output->write_end.get();
  auto child = ChildProcess::Start(options);
  ASSERT_THAT(child, IsOk());
  output->write_end.Reset();
  ASSERT_EQ(::write(input->write_end.get(), "hello\n", 6), 6);
  EXPECT_EQ(child->Wait(), 0);
  char buffer[64] = {};
  ASSERT_GT(::read(output->read_end.get(), buffer, sizeof(buffer) - 1), 0);
  EXPECT_STREQ(buffer, "got hello\nproblem\n");
}

TEST(ChildProcess, InheritsNoOtherDescriptors) {
  auto pipe = NewPipe();
  ASSERT_THAT(pipe, IsOk());
  const std::string path = "/proc/self/fd/" + std::to_string(pipe->write_end.get());
  EXPECT_EQ(ExitCodeOf(Shell("test ! -e " + path)), 0);
}

TEST(ChildProcess, ReadsNothingFromStdinByDefault) { EXPECT_EQ(ExitCodeOf(Shell("! read x")), 0); }

TEST(ChildProcess, AddsAndReplacesEnvironment) {
  ChildProcess::Options options =
      Shell("test \"$HOME\" = /replaced && test \"$ADDED\" = a=b && test -n \"$PATH\"");
  options.environment = {"HOME=/replaced", "ADDED=a=b"};
  EXPECT_EQ(ExitCodeOf(options), 0);
}

TEST(ChildProcess, StartsWithDefaultSignalDispositions) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
  EXPECT_EQ(ExitCodeOf(Shell("kill -TERM $$; exit 3")), 128 + SIGTERM);
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
}

TEST(ChildProcess, WaitUntilGivesUpAtTheDeadlineAndTheDestructorKills) {
  pid_t pid = -1;
  {
    auto child = ChildProcess::Start(Program({"sleep", "60"}));
    ASSERT_THAT(child, IsOk());
    pid = child->pid();
    EXPECT_EQ(child->TryWait(), std::nullopt);
    EXPECT_EQ(child->WaitUntil(base::MonotonicNowNs() + 2'000'000), std::nullopt);
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(ChildProcess, SignalReachesTheChildAndTheAnswerStays) {
  auto child = ChildProcess::Start(Program({"sleep", "60"}));
  ASSERT_THAT(child, IsOk());
  child->Signal(SIGKILL);
  EXPECT_EQ(child->WaitUntil(base::MonotonicNowNs() + 20'000'000'000), 128 + SIGKILL);
  child->Signal(SIGKILL);
  EXPECT_EQ(child->TryWait(), 128 + SIGKILL);
  EXPECT_EQ(child->Wait(), 128 + SIGKILL);
}

TEST(ChildProcess, MovesWithItsProcess) {
  auto started = ChildProcess::Start(Program({"sleep", "60"}));
  ASSERT_THAT(started, IsOk());
  ChildProcess moved = *std::move(started);
  EXPECT_EQ(moved.TryWait(), std::nullopt);
  auto other = ChildProcess::Start(Program({"true"}));
  ASSERT_THAT(other, IsOk());
  moved = *std::move(other);
  EXPECT_EQ(moved.Wait(), 0);
}

}  // namespace
}  // namespace tcpfleet::sys
