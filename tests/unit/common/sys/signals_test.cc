#include "common/sys/signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using tests::IsOk;

TEST(TerminationSignals, BecomeSomethingToTake) {
  sigset_t before;
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &before), 0);
  ASSERT_THAT(BlockTerminationSignals(), IsOk());
  auto signals = TerminationSignals::Create();
  ASSERT_THAT(signals, IsOk());
  EXPECT_EQ(signals->Take(), 0);
  ASSERT_EQ(::raise(SIGTERM), 0);
  EXPECT_EQ(signals->Take(), SIGTERM);
  ASSERT_EQ(::raise(SIGINT), 0);
  EXPECT_EQ(signals->Take(), SIGINT);
  EXPECT_EQ(signals->Take(), 0);
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
}

TEST(BlockTerminationSignals, TurnsABrokenPipeIntoAnError) {
  sigset_t before;
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &before), 0);
  ASSERT_THAT(BlockTerminationSignals(), IsOk());
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  EXPECT_EQ(::write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  ::close(ends[1]);
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
}

}  // namespace
}  // namespace tcpfleet::sys
