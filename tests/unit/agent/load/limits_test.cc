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
    EXPECT_THAT(CheckTargetAllowed({}, "load", text, Address(text)), IsOk()) << text;
  }
}

TEST(CheckTargetAllowed, NamesAddressLimitAndItsSource) {
  AgentLoadLimits limits;
  limits.allowed_targets = {{*base::IpNetwork::Parse("10.0.0.0/8")}, "--allow-target"};
  EXPECT_THAT(CheckTargetAllowed(limits, "load", "example.net", Address("203.0.113.9")),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       "target example.net (203.0.113.9) is outside the networks this agent may "
                       "load (--allow-target): 10.0.0.0/8"));
}

TEST(LoadBudget, CountsAllRunsTogetherAndGivesBack) {
  LoadBudget budget(LimitsOf(100, kNoRate));
  {
    const auto first = budget.Reserve({.connections = 60, .rate_per_second = kNoRate});
    ASSERT_THAT(first, IsOk());
    EXPECT_THAT(
        budget.Reserve({.connections = 41}),
        StatusIs(kExhausted, AllOf(HasSubstr("limit of 100 connections (--max-connections)"),
                                   HasSubstr("other runs hold 60"))));
    EXPECT_THAT(budget.Reserve({.connections = 40}), IsOk());
  }
  EXPECT_THAT(budget.Reserve({.connections = 100}), IsOk());
}

TEST(LoadBudget, AMovedLeaseIsGivenBackOnce) {
  LoadBudget budget(LimitsOf(10, kNoRate));
  LoadBudget::Lease kept;
  {
    LoadBudget::Lease lease = *budget.Reserve({.connections = 10});
    kept = std::move(lease);
  }
  EXPECT_THAT(budget.Reserve({.connections = 1}), StatusIs(kExhausted));
  kept = LoadBudget::Lease();
  EXPECT_THAT(budget.Reserve({.connections = 10}), IsOk());
}

TEST(LoadBudget, BoundsTheRateOfAllRuns) {
  LoadBudget budget(LimitsOf(100, 1000));
  const auto first = budget.Reserve({.rate_per_second = 800});
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(budget.Reserve({.rate_per_second = 300}),
              StatusIs(kExhausted, HasSubstr("1000 operations/s (--max-rate)")));
  EXPECT_THAT(budget.Reserve({.rate_per_second = kNoRate}),
              StatusIs(kExhausted, HasSubstr("a run without a rate")));
  EXPECT_THAT(budget.Reserve({}), IsOk());
}

TEST(LoadBudget, RefusesARunThatIsKnownToExceedALimit) {
  AgentLoadLimits limits;
  limits.max_new_connections_per_second = {500, "--max-new-connections"};
  limits.max_bits_per_second = {1e6, "--max-bandwidth"};
  LoadBudget budget(limits);
  EXPECT_THAT(budget.Reserve({.new_connections_per_second = 501}),
              StatusIs(kExhausted, HasSubstr("500 new connections/s (--max-new-connections)")));
  EXPECT_THAT(budget.Reserve({.bits_per_second = 2e6}),
              StatusIs(kExhausted, HasSubstr("(--max-bandwidth)")));
  // What is not known beforehand is held back while it runs.
  EXPECT_THAT(budget.Reserve({.rate_per_second = kNoRate}), IsOk());
  EXPECT_NE(budget.governor(), nullptr);
}

TEST(LoadBudget, HasNoGovernorWhereNothingIsLimited) {
  EXPECT_EQ(LoadBudget(LimitsOf(5, 10)).governor(), nullptr);
}

TEST(LoadBudget, SaysNothingOfOtherRunsWhenThereAreNone) {
  LoadBudget budget(LimitsOf(5, kNoRate));
  EXPECT_THAT(budget.Reserve({.connections = 6}),
              StatusIs(kExhausted, Not(HasSubstr("other runs"))));
}

LoadWish WishOfRun(const std::string& token, bool share = false) {
  return {.run_token = token, .share_host = share, .description = "crr client"};
}

TEST(LoadBudget, GivesTheAgentToOneCoordinatedRunAtATime) {
  LoadBudget budget({});
  {
    const auto client = budget.Reserve(WishOfRun("a"));
    EXPECT_THAT(budget.Reserve(WishOfRun("b")),
                StatusIs(kExhausted, AllOf(HasSubstr("a crr client"), HasSubstr("--share"))));
    EXPECT_THAT(budget.Reserve(WishOfRun("b", true)), StatusIs(kExhausted));
    EXPECT_THAT(budget.Reserve(WishOfRun("a")), IsOk());
  }
  EXPECT_THAT(budget.Reserve(WishOfRun("b")), IsOk());
}

TEST(LoadBudget, LetsRunsShareTheAgentThatAllAgreeToIt) {
  LoadBudget budget({});
  const auto first = budget.Reserve(WishOfRun("a", true));
  const auto second = budget.Reserve(WishOfRun("b", true));
  EXPECT_THAT(second, IsOk());
  EXPECT_THAT(budget.Reserve(WishOfRun("c")), StatusIs(kExhausted));
}

TEST(LoadBudget, RefusesALongToken) {
  LoadBudget budget({});
  EXPECT_THAT(budget.Reserve(WishOfRun(std::string(65, 't'))),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("run_token has 65 bytes")));
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

TEST(DescribeLoadLimits, TellsTheLimitsOfTheHost) {
  AgentLoadLimits limits;
  v1::LoadLimits proto = DescribeLoadLimits(limits);
  EXPECT_FALSE(proto.has_max_new_connections_per_second() || proto.has_max_bits_per_second() ||
               proto.has_max_cpu_cores());
  limits.max_new_connections_per_second.value = 1;
  limits.max_bits_per_second.value = 2;
  limits.max_cpu_cores.value = 0.5;
  limits.min_available_memory_bytes.value = 4;
  proto = DescribeLoadLimits(limits);
  EXPECT_EQ(proto.max_new_connections_per_second(), 1);
  EXPECT_EQ(proto.max_bits_per_second(), 2);
  EXPECT_EQ(proto.max_cpu_cores(), 0.5);
  EXPECT_EQ(proto.min_available_memory_bytes(), 4u);
}

}  // namespace
}  // namespace tcpfleet::agent
