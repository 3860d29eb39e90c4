#include "common/base/queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "common/base/clock.h"

namespace tcpfleet::base {
namespace {

int64_t InSeconds(int64_t seconds) { return MonotonicNowNs() + seconds * 1'000'000'000; }

TEST(Queue, GivesBackInOrder) {
  Queue<int> queue(2);
  EXPECT_TRUE(queue.Push(1));
  EXPECT_TRUE(queue.Push(2));
  EXPECT_EQ(queue.PopUntil(0), 1);
  EXPECT_EQ(queue.PopUntil(0), 2);
}

TEST(Queue, RefusesMoreThanItsCapacity) {
  Queue<int> queue(1);
  EXPECT_TRUE(queue.Push(1));
  EXPECT_FALSE(queue.Push(2));
  EXPECT_EQ(queue.PopUntil(0), 1);
  EXPECT_TRUE(queue.Push(3));
}

TEST(Queue, GivesUpAtTheDeadline) {
  Queue<int> queue(1);
  EXPECT_EQ(queue.PopUntil(MonotonicNowNs() + 1'000'000), std::nullopt);
}

TEST(Queue, WakesWhoWaits) {
  Queue<std::unique_ptr<int>> queue(1);
  std::thread producer([&] { queue.Push(std::make_unique<int>(7)); });
  const auto got = queue.PopUntil(InSeconds(20));
  producer.join();
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(**got, 7);
}

}  // namespace
}  // namespace tcpfleet::base
