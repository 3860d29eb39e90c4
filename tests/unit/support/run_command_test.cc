#include "tests/support/run_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {
namespace {

using testing::HasSubstr;

TEST(RunCommand, ReturnsWhatWasPrintedAndTheExitCode) {
  const auto result = RunCommand({"sh", "-c", "echo data; echo talk >&2; exit 3"});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_EQ(result->out, "data\n");
  EXPECT_EQ(result->err, "talk\n");
}

TEST(RunCommand, TakesMoreOutputThanAPipeHolds) {
  const auto result = RunCommand({"head", "-c", "300000", "/dev/zero"});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->out.size(), 300'000u);
}

TEST(RunCommand, KillsWhatRunsTooLongAndShowsItsOutput) {
  EXPECT_THAT(RunCommand({"sh", "-c", "echo started; exec sleep 60"}, absl::Milliseconds(300)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("stdout: started")));
}

TEST(OutputOf, PassesInputAndRefusesFailure) {
  EXPECT_THAT(OutputOf({"cat"}, "hello"), IsOkAndHolds("hello"));
  EXPECT_THAT(OutputOf({"sh", "-c", "echo wrong >&2; exit 1"}),
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("exit code 1: wrong")));
}

TEST(CapturedOutput, CanBeReadWhileTheChildRuns) {
  const auto output = CapturedOutput::Create();
  ASSERT_THAT(output, IsOk());
  sys::ChildProcess::Options options;
  options.arguments = {"sh", "-c", "echo ready; exec sleep 60"};
  options.stdout_fd = output->fd();
  const auto child = sys::ChildProcess::Start(options);
  ASSERT_THAT(child, IsOk());
  EXPECT_TRUE(EventuallyTrue([&] { return output->Text() == "ready\n"; }));
}

TEST(EventuallyTrue, GivesUpInTime) {
  int asked = 0;
  EXPECT_FALSE(EventuallyTrue([&] { return ++asked < 0; }, absl::Milliseconds(5)));
  EXPECT_GT(asked, 1);
}

}  // namespace
}  // namespace tcpfleet::tests
