#include <gtest/gtest.h>

#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

TEST(FoldNames, LeavesOneNameAlone) {
  EXPECT_EQ(FoldNames({"web01"}), "web01");
  EXPECT_EQ(FoldNames({"unix:/run/a.sock"}), "unix:/run/a.sock");
}

TEST(FoldNames, FoldsWhatExpandHostListExpanded) {
  EXPECT_EQ(FoldNames(ExpandHostList("web[01-40]").value()), "web[01-40] (40)");
  EXPECT_EQ(FoldNames(ExpandHostList("h[8-12].dc1:7117").value()), "h[8-12].dc1:7117 (5)");
}

TEST(FoldNames, ShowsGaps) { EXPECT_EQ(FoldNames({"h1", "h3", "h4", "h5"}), "h[1,3-5] (4)"); }

TEST(FoldNames, DoesNotMixPaddedAndPlainNumbers) {
  EXPECT_EQ(FoldNames({"h08", "h09", "h10"}), "h[08-10] (3)");
  EXPECT_EQ(FoldNames({"h08", "h9"}), "h9,h08 (2)");
}

TEST(FoldNames, ChoosesTheNumberThatFoldsMost) {
  EXPECT_EQ(FoldNames({"r1n5", "r2n5", "r3n5"}), "r[1-3]n5 (3)");
  EXPECT_EQ(FoldNames({"10.0.0.1", "10.0.0.2", "10.0.0.3"}), "10.0.0.[1-3] (3)");
}

TEST(FoldNames, ListsNamesThatHaveNothingInCommon) {
  EXPECT_EQ(FoldNames({"db", "lb1", "web1", "web2"}), "db,lb1,web[1-2] (4)");
}

TEST(FoldNames, TakesHugeNumbersAsText) {
  EXPECT_EQ(FoldNames({"h99999999999", "h99999999998"}), "h99999999998,h99999999999 (2)");
}

}  // namespace
}  // namespace tcpfleet::controller
