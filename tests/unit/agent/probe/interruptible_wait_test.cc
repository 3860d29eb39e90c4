#include "agent/probe/interruptible_wait.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "common/base/clock.h"
#include "common/sys/event_fd.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using tests::IsOkAndHolds;

constexpr int64_t kForEver = std::numeric_limits<int64_t>::max();

TEST(InterruptibleWait, ReportsWhatCameToASocketAndForgetsItAfterwards) {
  const auto wait = InterruptibleWait::Create().value();
  sys::EventFd event = sys::EventFd::Create().value();
  event.Notify();
  EXPECT_THAT(wait->ForSocket(event.fd(), EPOLLIN, kForEver), IsOkAndHolds(uint32_t{EPOLLIN}));
  const int64_t soon_ns = base::MonotonicNowNs() + 1'000'000;
  EXPECT_TRUE(wait->Until(soon_ns));
  EXPECT_GE(base::MonotonicNowNs(), soon_ns);
}

TEST(InterruptibleWait, EndsAtTheDeadlineWithoutEvents) {
  const auto wait = InterruptibleWait::Create().value();
  const sys::EventFd event = sys::EventFd::Create().value();
  EXPECT_THAT(wait->ForSocket(event.fd(), EPOLLIN, base::MonotonicNowNs() + 1'000'000),
              IsOkAndHolds(0u));
  EXPECT_FALSE(wait->interrupted());
}

TEST(InterruptibleWait, EndsForGoodWhenAnotherThreadInterruptsIt) {
  const auto wait = InterruptibleWait::Create().value();
  const sys::EventFd event = sys::EventFd::Create().value();
  std::jthread interrupter([&] { wait->Interrupt(); });
  EXPECT_THAT(wait->ForSocket(event.fd(), EPOLLIN, kForEver), IsOkAndHolds(0u));
  EXPECT_FALSE(wait->Until(kForEver));
  EXPECT_TRUE(wait->interrupted());
}

}  // namespace
}  // namespace tcpfleet::agent
