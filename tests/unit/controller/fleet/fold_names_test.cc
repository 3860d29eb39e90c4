#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <string>
#include <vector>

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

// Names of random clusters, ascending: numbers with and without leading zeros, at several places.
std::set<std::string> RandomNames(std::mt19937_64& random) {
  const auto below = [&](uint64_t bound) { return random() % bound; };
  static constexpr std::array kStems = {"web", "db-", "a.b", "", "x1-"};
  static constexpr std::array kEnds = {"", ".dc1", "-eth0", "7"};
  std::set<std::string> names;
  for (uint64_t count = 1 + below(8); names.size() < count;) {
    const uint64_t number = below(4) == 0 ? below(100'000) : below(12);
    std::string digits = std::to_string(number);
    if (below(3) == 0) digits.insert(0, below(3), '0');
    names.insert(std::string(kStems[below(kStems.size())]) + digits + kEnds[below(kEnds.size())]);
  }
  return names;
}

TEST(FoldNames, StandsForTheNamesItWasGiven) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 5'000; ++round) {
    const std::set<std::string> set = RandomNames(random);
    const std::vector<std::string> names(set.begin(), set.end());
    std::string folded = FoldNames(names);
    const size_t count = folded.rfind(" (");
    if (count != std::string::npos) folded.resize(count);
    absl::StatusOr<std::vector<std::string>> expanded = ExpandHostList(folded);
    ASSERT_TRUE(expanded.ok()) << folded << ": " << expanded.status();
    std::sort(expanded->begin(), expanded->end());
    ASSERT_EQ(*expanded, names) << folded;
  }
}

}  // namespace
}  // namespace tcpfleet::controller
