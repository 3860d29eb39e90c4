#include "common/base/clock.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <stop_token>
#include <thread>

namespace tcpfleet::base {
namespace {

TEST(SystemClock, MonotonicNeverGoesBack) {
  const SystemClock clock;
  const int64_t first = clock.MonotonicNs();
  EXPECT_GT(first, 0);
  EXPECT_GE(MonotonicNowNs(), first);
}

TEST(SystemClock, SleepUntilWaitsForTheDeadline) {
  SystemClock clock;
  const int64_t deadline = clock.MonotonicNs() + 2'000'000;
  EXPECT_TRUE(clock.SleepUntil(deadline, {}));
  EXPECT_GE(clock.MonotonicNs(), deadline);
}

TEST(SystemClock, SleepUntilReturnsAtOnceForThePast) {
  SystemClock clock;
  EXPECT_TRUE(clock.SleepUntil(clock.MonotonicNs() - 1, {}));
}

TEST(SystemClock, StopEndsTheSleep) {
  SystemClock clock;
  bool slept_to_the_end = true;
  {
    const std::jthread sleeper([&](std::stop_token stop) {
      slept_to_the_end = clock.SleepUntil(std::numeric_limits<int64_t>::max(), stop);
    });
  }
  EXPECT_FALSE(slept_to_the_end);
}

}  // namespace
}  // namespace tcpfleet::base
