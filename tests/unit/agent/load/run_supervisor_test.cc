#include "agent/load/run_supervisor.h"

#include <gtest/gtest.h>

namespace tcpfleet::agent {
namespace {

TEST(IntervalEndNs, CountsFromTheStartAndAnewFromTheEndOfTheWarmUp) {
  RunPlan plan;
  plan.interval_ns = 100;
  plan.warmup_ns = 250;
  EXPECT_EQ(IntervalEndNs(plan, 1000, 1000), 1100);
  EXPECT_EQ(IntervalEndNs(plan, 1000, 1199), 1200);
  // 1300 would lie beyond the end of the warm-up at 1250.
  EXPECT_EQ(IntervalEndNs(plan, 1000, 1200), 1350);
  EXPECT_EQ(IntervalEndNs(plan, 1000, 1250), 1350);
  EXPECT_EQ(IntervalEndNs(plan, 1000, 1349), 1350);
  EXPECT_EQ(IntervalEndNs(plan, 1000, 1350), 1450);
}

}  // namespace
}  // namespace tcpfleet::agent
