#include "controller/tui/group_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;

RowGroup Group(const std::string& key, size_t rows, double send_rate) {
  RowGroup group;
  group.keys = {key};
  group.rows.resize(rows);
  group.send_rate = send_rate;
  return group;
}

std::vector<std::string> Sorted(std::vector<RowGroup> groups, const std::string& by,
                                const std::string& order) {
  SortGroups(absl::MakeSpan(groups), {ParseColumn(by).value()}, ParseRowOrder(order).value());
  std::vector<std::string> keys;
  for (const RowGroup& group : groups) keys.push_back(group.keys[0]);
  return keys;
}

TEST(SortGroups, ByTheSumOfTheColumn) {
  const std::vector<RowGroup> groups{Group("a", 9, 1), Group("b", 1, 3), Group("c", 5, 2)};
  EXPECT_THAT(Sorted(groups, "host", "-send_rate"), ElementsAre("b", "c", "a"));
  EXPECT_THAT(Sorted(groups, "host", "send_rate"), ElementsAre("a", "c", "b"));
}

TEST(SortGroups, ByTheKeyNumbersAsNumbers) {
  const std::vector<RowGroup> groups{Group("443", 1, 0), Group("8080", 1, 0), Group("80", 1, 0)};
  EXPECT_THAT(Sorted(groups, "lport", "lport"), ElementsAre("80", "443", "8080"));
  EXPECT_THAT(Sorted(groups, "lport", "-lport"), ElementsAre("8080", "443", "80"));
}

TEST(SortGroups, BySizeWhereGroupsHaveNoSuchSum) {
  const std::vector<RowGroup> groups{Group("a", 1, 0), Group("b", 3, 0)};
  EXPECT_THAT(Sorted(groups, "host", "snd_cwnd"), ElementsAre("b", "a"));
}

TEST(SortGroups, TiesByKey) {
  const std::vector<RowGroup> groups{Group("b", 1, 5), Group("a", 1, 5)};
  EXPECT_THAT(Sorted(groups, "host", "-send_rate"), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace tcpfleet::controller
