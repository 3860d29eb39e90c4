#include "agent/load/slot_list.h"

#include <gtest/gtest.h>

namespace tcpfleet::agent {
namespace {

TEST(SlotList, KeepsTheOrderOfArrival) {
  std::vector<Slot> slots(3);
  SlotList list(slots);
  EXPECT_TRUE(list.empty());
  for (const uint32_t slot : {2u, 0u, 1u}) list.PushBack(slot);
  EXPECT_EQ(list.size(), 3u);
  EXPECT_EQ(list.PopFront(), 2u);
  EXPECT_EQ(list.PopFront(), 0u);
  EXPECT_EQ(list.PopFront(), 1u);
  EXPECT_TRUE(list.empty());
}

TEST(SlotList, LetsAnySlotLeave) {
  for (uint32_t leaving = 0; leaving < 3; ++leaving) {
    std::vector<Slot> slots(3);
    SlotList list(slots);
    for (uint32_t slot = 0; slot < 3; ++slot) list.PushBack(slot);
    list.Remove(leaving);
    list.PushBack(leaving);
    EXPECT_EQ(list.PopFront(), leaving == 0 ? 1u : 0u);
    EXPECT_EQ(list.PopFront(), leaving == 2 ? 1u : leaving == 1 ? 2u : 2u);
    EXPECT_EQ(list.PopFront(), leaving);
    EXPECT_TRUE(list.empty());
  }
}

}  // namespace
}  // namespace tcpfleet::agent
