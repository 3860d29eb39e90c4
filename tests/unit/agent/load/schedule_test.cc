#include "agent/load/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace tcpfleet::agent {
namespace {

TEST(Schedule, WorkersTogetherKeepOneSteadyRate) {
  std::vector<int64_t> times;
  for (uint32_t worker = 0; worker < 3; ++worker) {
    const Schedule schedule(1'000, 1'000'000, worker, 3);
    for (uint64_t k = 0; k < 4; ++k) times.push_back(schedule.At(k));
  }
  std::sort(times.begin(), times.end());
  for (size_t i = 0; i < times.size(); ++i) {
    EXPECT_EQ(times[i], 1'000 + static_cast<int64_t>(i) * 1'000);
  }
}

TEST(Schedule, DoesNotDriftOverAnHour) {
  const Schedule schedule(0, 3, 0, 1);
  EXPECT_NEAR(static_cast<double>(schedule.At(3 * 3600)), 3600e9, 10);
}

TEST(Schedule, StaysInRangeAtAbsurdlyLowRates) {
  const Schedule schedule(5, 1e-300, 1, 2);
  EXPECT_EQ(schedule.At(0), 5 + 1'000'000'000'000'000'000);
}

TEST(ShareOf, LosesNoRemainder) {
  for (const uint32_t total : {1u, 7u, 64u, 100'000u}) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 5; ++i) sum += ShareOf(total, i, 5);
    EXPECT_EQ(sum, total);
  }
  EXPECT_EQ(ShareOf(7, 0, 3), 3u);
  EXPECT_EQ(ShareOf(7, 2, 3), 2u);
}

}  // namespace
}  // namespace tcpfleet::agent
