#include "common/base/mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "common/base/clock.h"

namespace tcpfleet::base {
namespace {

TEST(Mutex, ExcludesOtherThreads) {
  Mutex mutex;
  int count = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 1000; ++n) {
          const MutexLock lock(mutex);
          ++count;
        }
      });
    }
  }
  EXPECT_EQ(count, 4000);
}

TEST(CondVar, WakesTheWaiterAfterTheChange) {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  const std::jthread setter([&] {
    const MutexLock lock(mutex);
    ready = true;
    changed.NotifyAll();
  });
  const MutexLock lock(mutex);
  while (!ready) changed.Wait(mutex);
  EXPECT_TRUE(ready);
}

TEST(CondVar, WaitUntilSaysWhenTheDeadlineCameFirst) {
  Mutex mutex;
  CondVar never;
  const int64_t deadline = MonotonicNowNs() + 2'000'000;
  const MutexLock lock(mutex);
  while (never.WaitUntil(mutex, deadline)) {
  }
  EXPECT_GE(MonotonicNowNs(), deadline);
}

}  // namespace
}  // namespace tcpfleet::base
