#include "agent/kernel/host_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using tests::IsOk;
using tests::StatusIs;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

TEST(ParseLoad, ReadsAveragesAndTasks) {
  v1::HostStatistics host;
  ASSERT_THAT(ParseLoad("1.50 0.25 0.05 3/812 4711\n", host), IsOk());
  EXPECT_DOUBLE_EQ(host.load_1m(), 1.5);
  EXPECT_DOUBLE_EQ(host.load_5m(), 0.25);
  EXPECT_DOUBLE_EQ(host.load_15m(), 0.05);
  EXPECT_EQ(host.tasks_running(), 3u);
  EXPECT_EQ(host.tasks(), 812u);
}

TEST(ParseLoad, SetsNothingWhenItDoesNotUnderstand) {
  for (const char* text :
       {"", "1 2 3", "nan 0 0 1/2 3", "-1 0 0 1/2 3", "1 2 3 4 5", "1 2 x 1/2"}) {
    v1::HostStatistics host;
    EXPECT_THAT(ParseLoad(text, host), StatusIs(kDataLoss)) << text;
    EXPECT_EQ(host.ByteSizeLong(), 0u) << text;
  }
}

TEST(ParseMemory, NeedsBothAmounts) {
  v1::HostStatistics host;
  EXPECT_THAT(ParseMemory("MemTotal: 4 kB\n", host), StatusIs(kDataLoss));
  EXPECT_FALSE(host.has_memory_bytes());
  ASSERT_THAT(ParseMemory("MemTotal: 4 kB\nMemFree: 9 kB\nMemAvailable: 3 kB\n", host), IsOk());
  EXPECT_EQ(host.memory_bytes(), 4096u);
  EXPECT_EQ(host.available_memory_bytes(), 3072u);
}

TEST(ParseUptime, ReadsTheFirstNumber) {
  v1::HostStatistics host;
  ASSERT_THAT(ParseUptime("350735.47 234388.90\n", host), IsOk());
  EXPECT_DOUBLE_EQ(host.uptime_seconds(), 350735.47);
  EXPECT_THAT(ParseUptime("inf 1\n", host), StatusIs(kDataLoss));
}

TEST(ParsePressure, ReadsSomeAndFullAsShares) {
  v1::HostStatistics host;
  ASSERT_THAT(ParsePressure("io",
                            "some avg10=1.50 avg60=0.20 avg300=100.00 total=12345\n"
                            "full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
                            host),
              IsOk());
  ASSERT_EQ(host.pressure_size(), 2);
  EXPECT_EQ(host.pressure(0).resource(), "io");
  EXPECT_FALSE(host.pressure(0).full());
  EXPECT_DOUBLE_EQ(host.pressure(0).share_10s(), 0.015);
  EXPECT_DOUBLE_EQ(host.pressure(0).share_60s(), 0.002);
  EXPECT_DOUBLE_EQ(host.pressure(0).share_300s(), 1);
  EXPECT_EQ(host.pressure(0).total_us(), 12345u);
  EXPECT_TRUE(host.pressure(1).full());
}

TEST(ParsePressure, SetsNothingWhenItDoesNotUnderstand) {
  for (const char* text :
       {"", "some avg10=0 avg60=0 avg300=0\n", "some avg10=101 avg60=0 avg300=0 total=1\n",
        "half avg10=0 avg60=0 avg300=0 total=1\n", "some avg10=0 avg60=0 avg300=0 total=1\nx\n"}) {
    v1::HostStatistics host;
    EXPECT_THAT(ParsePressure("cpu", text, host), StatusIs(kDataLoss)) << text;
    EXPECT_EQ(host.pressure_size(), 0) << text;
  }
}

TEST(ParseFileNumbers, KnowsThatManyMeansUnlimited) {
  v1::HostStatistics host;
  ASSERT_THAT(ParseFileNumbers("1216\t0\t9223372036854775807\n", host), IsOk());
  EXPECT_EQ(host.open_files(), 1216u);
  EXPECT_FALSE(host.has_most_open_files());
  ASSERT_THAT(ParseFileNumbers("1216\t0\t70000\n", host), IsOk());
  EXPECT_EQ(host.most_open_files(), 70000u);
  EXPECT_THAT(ParseFileNumbers("1216 0\n", host), StatusIs(kDataLoss));
}

}  // namespace
}  // namespace tcpfleet::agent
