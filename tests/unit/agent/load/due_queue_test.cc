#include "agent/load/due_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace tcpfleet::agent {
namespace {

TEST(DueQueue, IsEmptyAtFirst) {
  const DueQueue queue(3);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.next_ns(), DueQueue::kNever);
  EXPECT_FALSE(queue.Has(2));
}

TEST(DueQueue, AgreesWithASortedMapThroughManyChanges) {
  constexpr uint32_t kSlots = 100;
  DueQueue queue(kSlots);
  std::map<uint32_t, int64_t> expected;
  std::mt19937 random(1);
  for (int step = 0; step < 20'000; ++step) {
    const auto slot = static_cast<uint32_t>(random() % kSlots);
    if (random() % 3 == 0) {
      queue.Cancel(slot);
      expected.erase(slot);
    } else {
      const auto due_ns = static_cast<int64_t>(random() % 50);
      queue.Set(slot, due_ns);
      expected[slot] = due_ns;
    }
    ASSERT_EQ(queue.Has(slot), expected.contains(slot));
    ASSERT_EQ(queue.empty(), expected.empty());
    int64_t earliest = DueQueue::kNever;
    for (const auto& [other, due_ns] : expected) earliest = std::min(earliest, due_ns);
    ASSERT_EQ(queue.next_ns(), earliest);
    if (queue.empty()) continue;
    ASSERT_EQ(expected.at(queue.front()), earliest);
  }
}

}  // namespace
}  // namespace tcpfleet::agent
