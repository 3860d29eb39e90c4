#include "agent/load/counters.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace tcpfleet::agent {
namespace {

bool IdentityHolds(const Counters& c) {
  return c.attempted == c.succeeded + c.failed.total() + c.cancelled + c.in_flight;
}

Counters Busy() {
  Counters counters;
  for (int i = 0; i < 10; ++i) counters.Attempt();
  for (int i = 0; i < 4; ++i) counters.Succeed();
  counters.Fail(ECONNREFUSED);
  counters.Fail(ETIMEDOUT);
  counters.active = 3;
  counters.opened = 7;
  counters.accepted = 5;
  counters.lost = 2;
  counters.bytes_sent = 100;
  return counters;
}

TEST(Counters, KeepTheIdentityThroughEveryStep) {
  Counters counters = Busy();
  EXPECT_EQ(counters.in_flight, 4u);
  EXPECT_TRUE(IdentityHolds(counters));
  counters.CancelInFlight();
  EXPECT_EQ(counters.in_flight, 0u);
  EXPECT_EQ(counters.cancelled, 4u);
  EXPECT_TRUE(IdentityHolds(counters));
}

TEST(Counters, RestartForgetsTheWarmUpAndKeepsWhatCountsForTheWholeRun) {
  Counters counters = Busy();
  counters.reconnects = 6;
  counters.Restart(/*keep_operations=*/false);
  EXPECT_EQ(counters.attempted, 0u);
  EXPECT_EQ(counters.in_flight, 0u);
  EXPECT_EQ(counters.succeeded, 0u);
  EXPECT_EQ(counters.failed.total(), 0u);
  EXPECT_EQ(counters.lost, 0u);
  EXPECT_EQ(counters.bytes_sent, 0u);
  EXPECT_EQ(counters.active, 3u);
  EXPECT_EQ(counters.opened, 7u);
  EXPECT_EQ(counters.accepted, 5u);
  EXPECT_EQ(counters.reconnects, 6u);
  EXPECT_TRUE(IdentityHolds(counters));
}

TEST(Counters, RestartMayKeepOperations) {
  Counters counters = Busy();
  const Counters before = counters;
  counters.Restart(/*keep_operations=*/true);
  EXPECT_EQ(counters.attempted, before.attempted);
  EXPECT_EQ(counters.in_flight, before.in_flight);
  EXPECT_EQ(counters.failed.total(), before.failed.total());
  EXPECT_EQ(counters.bytes_sent, 0u);
  EXPECT_TRUE(IdentityHolds(counters));
}

TEST(Counters, CoolDownCountsOperationsButNotTime) {
  const Counters at_end = Busy();
  Counters counters = at_end;
  counters.Succeed();
  counters.bytes_sent += 50;
  counters.lost += 1;
  counters.opened += 4;
  counters.TakeTimed(at_end);
  EXPECT_EQ(counters.succeeded, 5u);
  EXPECT_EQ(counters.bytes_sent, 100u);
  EXPECT_EQ(counters.lost, 2u);
  EXPECT_EQ(counters.opened, 11u);
  EXPECT_TRUE(IdentityHolds(counters));
}

TEST(Counters, MissedOperationsHaveFailed) {
  Counters counters = Busy();
  counters.MissOperations(1'000'000);
  EXPECT_TRUE(IdentityHolds(counters));
  EXPECT_EQ(ToProto(counters, 0).failed().at("notSent"), 1'000'000u);
}

TEST(Counters, MergeAddsEverything) {
  Counters total;
  total.Merge(Busy());
  total.Merge(Busy());
  EXPECT_EQ(total.attempted, 20u);
  EXPECT_EQ(total.active, 6u);
  EXPECT_TRUE(IdentityHolds(total));
  const v1::RunCounters proto = ToProto(total, 1'500'000'000);
  EXPECT_EQ(proto.failed().at("refused"), 2u);
  EXPECT_EQ(proto.failed().at("timeout"), 2u);
  EXPECT_EQ(proto.measured_seconds(), 1.5);
  EXPECT_TRUE(proto.accept_failed().empty());
}

}  // namespace
}  // namespace tcpfleet::agent
