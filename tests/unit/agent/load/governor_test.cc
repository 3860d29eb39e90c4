#include "agent/load/governor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

constexpr int64_t kSecond = 1'000'000'000;
constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;

AgentLoadLimits Limits(double new_connections, double bits) {
  AgentLoadLimits limits;
  limits.max_new_connections_per_second = {new_connections, "--max-new-connections"};
  limits.max_bits_per_second = {bits, "--max-bandwidth"};
  return limits;
}

// How many may be opened when asked every microsecond for so long.
int OpenedIn(Governor& governor, int64_t from_ns, int64_t duration_ns) {
  int opened = 0;
  for (int64_t now = from_ns; now < from_ns + duration_ns; now += 1'000) {
    opened += governor.MayOpen(now) ? 1 : 0;
  }
  return opened;
}

TEST(Governor, OpensAtTheLimitsRate) {
  Governor governor(Limits(1000, 1));
  // The first ones come at once: what is earned in 10 ms is kept.
  EXPECT_EQ(OpenedIn(governor, kSecond, kSecond), 1000 + 10);
  EXPECT_EQ(OpenedIn(governor, 2 * kSecond, kSecond), 1000);
}

TEST(Governor, SaysWhenTheNextMayBeOpened) {
  Governor governor(Limits(2, 1));
  EXPECT_TRUE(governor.MayOpen(kSecond));
  EXPECT_FALSE(governor.MayOpen(kSecond));
  EXPECT_EQ(governor.open_at_ns(), kSecond + kSecond / 2 - RateLimiter::kBurstNs);
  EXPECT_FALSE(governor.MayOpen(governor.open_at_ns() - 1));
  EXPECT_TRUE(governor.MayOpen(governor.open_at_ns()));
}

TEST(Governor, DoesNotKeepWhatALongRestEarned) {
  Governor governor(Limits(1000, 1));
  EXPECT_EQ(OpenedIn(governor, 100 * kSecond, 1'000'000), 11);
}

TEST(Governor, LetsASendIntoDebtAndWaitsUntilItIsPaid) {
  Governor governor(Limits(1, 8e6));  // a byte per microsecond
  ASSERT_TRUE(governor.MaySend(kSecond));
  governor.CountSent(kSecond, 500'000);
  EXPECT_FALSE(governor.MaySend(kSecond + 1));
  EXPECT_EQ(governor.send_at_ns(), kSecond + 500'000'000 - RateLimiter::kBurstNs);
  EXPECT_TRUE(governor.MaySend(governor.send_at_ns()));
}

TEST(Governor, LimitsOnlyWhatHasALimit) {
  Governor governor(Limits(std::numeric_limits<double>::infinity(), 1));
  EXPECT_EQ(OpenedIn(governor, 0, 1'000'000), 1000);
  EXPECT_EQ(governor.open_at_ns(), 0);
}

TEST(Governor, SharesOneRateBetweenThreads) {
  Governor governor(Limits(1000, 1));
  std::atomic<int> opened = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { opened += OpenedIn(governor, kSecond, kSecond / 10); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, 100 + 10);
}

TEST(HostWatch, EndsARunThatUsesMoreCpuThanAllowed) {
  AgentLoadLimits limits;
  limits.max_cpu_cores = {1.5, "--max-cpu"};
  HostWatch watch(limits, 0, 0);
  // Within the window nothing is judged.
  EXPECT_THAT(watch.Check(kSecond / 2, kSecond, {}), IsOk());
  EXPECT_THAT(watch.Check(kSecond, kSecond * 3 / 2, {}), IsOk());
  EXPECT_THAT(
      watch.Check(2 * kSecond, kSecond * 31 / 10, {}),
      StatusIs(kExhausted, AllOf(HasSubstr("1.60 CPU cores"), HasSubstr("1.5 (--max-cpu)"))));
}

TEST(HostWatch, EndsARunThatLeavesTooLittleMemory) {
  AgentLoadLimits limits;
  limits.min_available_memory_bytes = {1'000'000'000, "--min-free-memory"};
  HostWatch watch(limits, 0, 0);
  EXPECT_THAT(watch.Check(1, 0, 1'000'000'000), IsOk());
  EXPECT_THAT(watch.Check(2, 0, std::nullopt), IsOk());
  EXPECT_THAT(watch.Check(3, 0, 999'000'000),
              StatusIs(kExhausted, AllOf(HasSubstr("999 MB"), HasSubstr("1.00 GB"),
                                         HasSubstr("--min-free-memory"))));
}

TEST(HostWatch, IsContentWithThisHostWithoutLimits) {
  const AgentLoadLimits limits;
  HostWatch watch(limits, 0, 0);
  EXPECT_THAT(watch.Check(10 * kSecond), IsOk());
}

}  // namespace
}  // namespace tcpfleet::agent
