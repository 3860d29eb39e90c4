#include "controller/tui/sparkline.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tcpfleet::controller {
namespace {

TEST(Sparkline, ReachesFromNothingToTheLargest) {
  EXPECT_EQ(Sparkline({0, 1, 2, 3, 4, 5, 6, 7}, 8), "▁▂▃▄▅▆▇█");
}

TEST(Sparkline, ShowsTheNewestAtTheRight) {
  EXPECT_EQ(Sparkline({0, 0, 0, 7}, 2), "▁█");
  EXPECT_EQ(Sparkline({7}, 4), "   █");
}

TEST(Sparkline, TellsUnknownFromNothing) { EXPECT_EQ(Sparkline({NAN, 0, 1}, 3), " ▁█"); }

TEST(Sparkline, TellsLittleFromNothing) { EXPECT_EQ(Sparkline({0, 0.001F, 1000}, 3), "▁▂█"); }

TEST(Sparkline, IsFlatWithoutAnyValue) {
  EXPECT_EQ(Sparkline({0, 0}, 2), "▁▁");
  EXPECT_EQ(Sparkline({}, 2), "  ");
  EXPECT_EQ(Sparkline({1}, 0), "");
}

TEST(DrawPlot, StacksLines) {
  const Plot plot = DrawPlot({0, 7, 16}, 3, 2);
  ASSERT_EQ(plot.lines.size(), 2);
  EXPECT_EQ(plot.lines[0], "  █");
  EXPECT_EQ(plot.lines[1], "▁██");
  EXPECT_EQ(plot.largest, 16);
}

TEST(DrawPlot, KnowsNoLargestOfUnknownValues) {
  EXPECT_TRUE(std::isnan(DrawPlot({NAN, NAN}, 4, 2).largest));
}

}  // namespace
}  // namespace tcpfleet::controller
