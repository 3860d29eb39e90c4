#include "agent/load/limits.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::IsOk;
using tests::StatusIs;

constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;
constexpr double kNoRate = std::numeric_limits<double>::infinity();

base::IpAddress Address(const char* text) { return base::IpAddress::Parse(text).value(); }

AgentLoadLimits LimitsOf(uint64_t connections, double rate) {
  AgentLoadLimits limits;
  limits.max_connections = {connections, "--max-connections"};
  limits.max_rate_per_second = {rate, "--max-rate"};
  return limits;
}

TEST(CheckTargetAllowed, AllowsPrivateNetworksByDefault) {
  for (const char* text :
       {"127.0.0.1", "::1", "10.1.2.3", "172.31.0.1", "192.168.9.9", "100.64.0.1", "198.19.255.1",
        "169.254.1.1", "fd00::1", "fe80::1", "::ffff:10.0.0.1"}) {
    EXPECT_THAT(CheckTargetAllowed({}, text, Address(text)), IsOk()) << text;
  }
}

TEST(CheckTargetAllowed, NamesAddressLimitAndItsSource) {
  AgentLoadLimits limits;
  limits.allowed_targets = {{*base::IpNetwork::Parse("10.0.0.0/8")}, "--allow-target"};
  EXPECT_THAT(CheckTargetAllowed(limits, "example.net", Address("203.0.113.9")),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr("example.net (203.0.113.9)"), HasSubstr("--allow-target"),
                             HasSubstr("10.0.0.0/8"))));
}

TEST(LoadBudget, CountsAllRunsTogetherAndGivesBack) {
  LoadBudget budget(LimitsOf(100, kNoRate));
  {
    const auto first = budget.Reserve(60, kNoRate);
    ASSERT_THAT(first, IsOk());
    EXPECT_THAT(budget.Reserve(41, kNoRate),
                StatusIs(kExhausted, AllOf(HasSubstr("limit of 100 (--max-connections)"),
                                           HasSubstr("other runs hold 60"))));
    EXPECT_THAT(budget.Reserve(40, kNoRate), IsOk());
  }
  EXPECT_THAT(budget.Reserve(100, kNoRate), IsOk());
}

TEST(LoadBudget, AMovedLeaseIsGivenBackOnce) {
  LoadBudget budget(LimitsOf(10, kNoRate));
  LoadBudget::Lease kept;
  {
    LoadBudget::Lease lease = *budget.Reserve(10, kNoRate);
    kept = std::move(lease);
  }
  EXPECT_THAT(budget.Reserve(1, kNoRate), StatusIs(kExhausted));
  kept = LoadBudget::Lease();
  EXPECT_THAT(budget.Reserve(10, kNoRate), IsOk());
}

TEST(LoadBudget, BoundsTheRateOfAllRuns) {
  LoadBudget budget(LimitsOf(100, 1000));
  const auto first = budget.Reserve(1, 800);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(budget.Reserve(1, 300),
              StatusIs(kExhausted, HasSubstr("1000 operations/s (--max-rate)")));
  EXPECT_THAT(budget.Reserve(1, kNoRate), StatusIs(kExhausted, HasSubstr("without a rate")));
  EXPECT_THAT(budget.Reserve(1, 0), IsOk());
}

TEST(LoadBudget, SaysNothingOfOtherRunsWhenThereAreNone) {
  LoadBudget budget(LimitsOf(5, kNoRate));
  EXPECT_THAT(budget.Reserve(6, kNoRate), StatusIs(kExhausted, Not(HasSubstr("other runs"))));
}

TEST(DescribeLoadLimits, LeavesAnUnlimitedRateOut) {
  const v1::LoadLimits proto = DescribeLoadLimits(LimitsOf(7, kNoRate));
  EXPECT_EQ(proto.max_connections(), 7u);
  EXPECT_FALSE(proto.has_max_rate_per_second());
  EXPECT_EQ(proto.max_duration_seconds(), 3600);
  EXPECT_EQ(proto.allowed_targets(0), "127.0.0.0/8");
  EXPECT_GT(proto.max_open_files(), 0u);
  EXPECT_EQ(DescribeLoadLimits(LimitsOf(7, 50)).max_rate_per_second(), 50);
}

}  // namespace
}  // namespace tcpfleet::agent
