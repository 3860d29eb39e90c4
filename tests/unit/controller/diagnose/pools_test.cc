#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>
#include <vector>

#include "controller/diagnose/connection_pools.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/evidence.h"

namespace tcpfleet::tests {
namespace {

using controller::ConnectionPool;
using controller::HostObservation;
using controller::PoolTurnover;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Hashes = std::vector<uint32_t>;

Hashes Range(uint32_t first, uint32_t count) {
  Hashes hashes(count);
  std::iota(hashes.begin(), hashes.end(), first);
  return hashes;
}

// A pool of these connections; half of them rest.
v1::SocketGroup& SetPool(v1::HostEvidence& host, int snapshot, const std::string& peer,
                         Hashes hashes) {
  v1::SocketGroup& group = *NamespaceIn(host, snapshot).mutable_sockets()->add_peers();
  group.set_peer_address(peer);
  group.set_peer_port(5'432);
  group.mutable_owner()->set_pid(4'711);
  group.mutable_owner()->set_comm("app");
  group.set_sockets(hashes.size());
  (*group.mutable_states())["ESTAB"] = hashes.size();
  group.add_resting(hashes.size() / 2);
  group.add_resting(0);
  std::sort(hashes.begin(), hashes.end());
  if (hashes.size() > 64) hashes.resize(64);
  group.mutable_connection_hashes()->Add(hashes.begin(), hashes.end());
  return group;
}

void SetPools(v1::HostEvidence& host, const std::string& peer,
              const std::function<Hashes(uint32_t snapshot)>& hashes) {
  for (int i = 0; i < kSnapshots; ++i) SetPool(host, i, peer, hashes(static_cast<uint32_t>(i)));
}

void SetResting(v1::HostEvidence& host, uint64_t short_rest, uint64_t long_rest) {
  v1::SocketGroup& group =
      *NamespaceIn(host, kSnapshots - 1).mutable_sockets()->mutable_peers()->rbegin();
  group.set_resting(0, short_rest);
  group.set_resting(1, long_rest);
}

v1::HostEvidence WithPools(const std::function<Hashes(uint32_t snapshot)>& hashes) {
  v1::HostEvidence host = HealthyHost();
  SetPools(host, "10.0.0.2", hashes);
  return host;
}

std::vector<std::string> Titles(const v1::HostEvidence& host) {
  std::vector<std::string> titles;
  const auto findings = Ask("pool-health", host);
  EXPECT_THAT(findings, IsOk());
  if (findings.ok()) {
    for (const v1::Finding& finding : *findings) titles.push_back(finding.title());
  }
  return titles;
}

v1::HostEvidence Growing() {
  return WithPools([](uint32_t i) { return Range(0, 5 + 3 * i); });
}

TEST(PoolHealth, FindsAPoolThatOnlyGrows) {
  EXPECT_THAT(Titles(Growing()), ElementsAre(HasSubstr("only grows")));
  EXPECT_THAT(Titles(WithPools([](uint32_t i) { return Range(0, i == 3 ? 9 : 5 + 3 * i); })),
              IsEmpty());
  EXPECT_THAT(*Ask("R48", Growing(), "growth", 13), IsEmpty());
}

TEST(PoolHealth, FindsOnesTooLargeAndTooSmall) {
  v1::HostEvidence host = WithPools([](uint32_t) { return Range(0, 20); });
  EXPECT_THAT(Titles(host), IsEmpty());
  SetResting(host, 0, 0);
  EXPECT_THAT(Titles(host), ElementsAre(HasSubstr("at its limit")));
  EXPECT_THAT(*Ask("R48", host, "sockets", 21), IsEmpty());
  SetResting(host, 1, 0);
  EXPECT_THAT(Titles(host), IsEmpty());
  SetResting(host, 16, 15);
  EXPECT_THAT(Titles(host), IsEmpty());
  SetResting(host, 16, 16);
  EXPECT_THAT(Titles(host), ElementsAre(HasSubstr("more connections than it uses")));
}

TEST(PoolHealth, FindsOnePeerWithMost) {
  v1::HostEvidence host = WithPools([](uint32_t i) { return Range(0, 30 + i % 2); });
  SetPools(host, "10.0.0.3", [](uint32_t) { return Range(0, 10); });
  SetPools(host, "10.0.0.4", [](uint32_t) { return Range(0, 10); });
  EXPECT_THAT(Titles(host), ElementsAre(HasSubstr("one of several peers")));
  EXPECT_THAT(*Ask("R48", host, "skew", 3.1), IsEmpty());
}

TEST(PoolHealth, DoesNotTakeClientsForAPool) {
  v1::HostEvidence host = Growing();
  for (int i = 0; i < kSnapshots; ++i) {
    NamespaceIn(host, i).mutable_sockets()->mutable_peers()->rbegin()->clear_peer_port();
  }
  EXPECT_THAT(Titles(host), IsEmpty());
}

TEST(PoolHealth, TellsHowAPoolIsUsed) {
  v1::HostEvidence host = HealthyHost();
  for (int i = 0; i < kSnapshots; ++i) {
    // The older two end, and six come: it grows by four.
    const auto first = static_cast<uint32_t>(i) * 2;
    v1::SocketGroup& group = SetPool(host, i, "10.0.0.2", Range(first, 20 + first * 2));
    (*group.mutable_states())["CLOSE-WAIT"] = 20;
    (*group.mutable_states())["TIME-WAIT"] = 30;
  }
  const auto findings = Ask("pool-health", host);
  ASSERT_THAT(findings, IsOk());
  ASSERT_THAT(*findings, SizeIs(1));
  const v1::Finding& finding = findings->front();
  EXPECT_EQ(finding.subject(), "app[4711] to 10.0.0.2:5432");
  EXPECT_DOUBLE_EQ(EvidenceOf(finding, "size_before").after(), 20);
  EXPECT_DOUBLE_EQ(EvidenceOf(finding, "size").after(), 36);
  EXPECT_DOUBLE_EQ(EvidenceOf(finding, "resting").after(), 0.5);
  EXPECT_DOUBLE_EQ(EvidenceOf(finding, "close_wait").after(), 20.0 / 56);
  EXPECT_DOUBLE_EQ(EvidenceOf(finding, "closed_here").after(), 0.5);
  EXPECT_DOUBLE_EQ(EvidenceOf(finding, "opened").after(), 2.4);
  EXPECT_DOUBLE_EQ(EvidenceOf(finding, "closed").after(), 0.8);
  EXPECT_DOUBLE_EQ(EvidenceOf(finding, "life").after(), 28 / 0.8);
}

// All connections anew in each look, 2.5 s apart.
v1::HostEvidence ShortLived() {
  return WithPools([](uint32_t i) { return Range(20 * i, 20); });
}

TEST(PoolHealth, FindsConnectionsThatThePeerClosesEarly) {
  const auto findings = Ask("pool-health", ShortLived());
  ASSERT_THAT(findings, IsOk());
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(findings->front().severity(), "info");
  EXPECT_THAT(findings->front().title(), HasSubstr("a peer closes"));
  EXPECT_DOUBLE_EQ(EvidenceOf(findings->front(), "closed").after(), 8);
  EXPECT_DOUBLE_EQ(EvidenceOf(findings->front(), "life_at_most").after(), 2.5);
  EXPECT_THAT(*Ask("R48", ShortLived(), "life", 2.4), IsEmpty());
  EXPECT_THAT(*Ask("R48", ShortLived(), "sockets", 21), IsEmpty());
}

TEST(PoolHealth, LeavesToOtherRulesWhatThisEndCloses) {
  v1::HostEvidence host = ShortLived();
  auto& last = *NamespaceIn(host, kSnapshots - 1).mutable_sockets()->mutable_peers()->rbegin();
  (*last.mutable_states())["TIME-WAIT"] = 40;  // 4 of the 8 a second
  EXPECT_THAT(Titles(host), SizeIs(1));
  (*last.mutable_states())["TIME-WAIT"] = 41;
  EXPECT_THAT(Titles(host), IsEmpty());
}

TEST(PoolHealth, IsNotEvaluatedWhereRestsWereNotCounted) {
  v1::HostEvidence host = WithPools([](uint32_t) { return Range(0, 20); });
  EXPECT_THAT(Ask("R48", host, "rest_seconds", 31),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("the agent did not count connections that rest")));
  Remove(host, "resting");
  EXPECT_THAT(Ask("R48", host), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(*Ask("R48", host, "sockets", 41), IsEmpty());  // too small to matter
  SetPools(host, "10.0.0.3", [](uint32_t i) { return Range(0, 5 + 3 * i); });
  EXPECT_THAT(Titles(host), ElementsAre(HasSubstr("only grows")));
}

TEST(PoolHealth, DoesNotTellATrendByTwoLooks) {
  const auto trend_is_unknown = [](const char* what) {
    return StatusIs(absl::StatusCode::kFailedPrecondition,
                    AllOf(HasSubstr(what), HasSubstr("at least 5 looks at all sockets, not by 2"),
                          HasSubstr("CPU time")));
  };
  v1::HostEvidence host = Growing();
  LookTwice(host);
  EXPECT_THAT(Ask("R48", host), trend_is_unknown("app[4711] to 10.0.0.2:5432 may only grow"));
  host = WithPools([](uint32_t) { return Range(0, 20); });
  LookTwice(host);
  EXPECT_THAT(Titles(host), IsEmpty());
  SetResting(host, 0, 0);
  EXPECT_THAT(Ask("R48", host), trend_is_unknown("may be at its limit"));
  // What two looks show is found.
  SetResting(host, 20, 20);
  EXPECT_THAT(Titles(host), ElementsAre(HasSubstr("more connections than it uses")));
}

TEST(PoolHealth, NeedsTwoLooks) {
  v1::HostEvidence host = HealthyHost();
  host.mutable_snapshots()->DeleteSubrange(1, kSnapshots - 1);
  EXPECT_THAT(Ask("R48", host), StatusIs(absl::StatusCode::kFailedPrecondition));
}

PoolTurnover Turnover(const Hashes& before, const Hashes& after) {
  v1::HostEvidence evidence = HealthyHost();
  SetPool(evidence, 0, "10.0.0.2", before);
  SetPool(evidence, kSnapshots - 1, "10.0.0.2", after);
  LookTwice(evidence);
  const HostObservation host(evidence, kNamespace);
  const std::vector<ConnectionPool> pools = PoolsOf(host);
  EXPECT_THAT(pools, SizeIs(2));
  const auto turnover = TurnoverOf(host, pools.front());
  EXPECT_TRUE(turnover.has_value());
  return turnover.value_or(PoolTurnover{});
}

TEST(PoolTurnoverOf, IsExactUpToWhatIsSent) {
  Hashes after = Range(10, 54);
  const PoolTurnover turnover = Turnover(Range(0, 64), after);
  EXPECT_DOUBLE_EQ(turnover.closed_per_second, 1);
  EXPECT_DOUBLE_EQ(turnover.opened_per_second, 0);
  EXPECT_DOUBLE_EQ(turnover.life_seconds, 59);
  EXPECT_EQ(turnover.bound, PoolTurnover::kAbout);
  EXPECT_EQ(Turnover(Range(0, 64), Range(0, 64)).bound, PoolTurnover::kAtLeast);
  EXPECT_DOUBLE_EQ(Turnover(Range(0, 64), Range(0, 64)).life_seconds, 10);
  EXPECT_EQ(Turnover(Range(0, 64), Range(64, 64)).bound, PoolTurnover::kAtMost);
}

TEST(PoolTurnoverOf, EstimatesLargePools) {
  std::mt19937 random(1);
  Hashes before(10'000);
  std::generate(before.begin(), before.end(), std::ref(random));
  Hashes after = before;
  std::generate(after.begin(), after.begin() + 5'000, std::ref(random));
  after.resize(9'000);
  // 6,000 of 10,000 ended, 5,000 began, give or take a tenth.
  const PoolTurnover turnover = Turnover(before, after);
  EXPECT_NEAR(turnover.closed_per_second, 600, 100);
  EXPECT_NEAR(turnover.opened_per_second, 500, 100);
  EXPECT_DOUBLE_EQ(turnover.closed_per_second - turnover.opened_per_second, 100);
  EXPECT_NEAR(turnover.life_seconds, 16, 3);
  EXPECT_EQ(Turnover(before, before).bound, PoolTurnover::kAtLeast);
  // One that only grows loses none, although newer ones take most of its 64 places.
  EXPECT_EQ(Turnover(Hashes(before.begin(), before.begin() + 4'000), before).bound,
            PoolTurnover::kAtLeast);
}

TEST(PoolTurnoverOf, DoesNotGuess) {
  v1::HostEvidence evidence = HealthyHost();
  std::mt19937 random(1);
  Hashes many(1'000);
  std::generate(many.begin(), many.end(), std::ref(random));
  const auto is_known = [&] {
    const HostObservation host(evidence, kNamespace);
    return TurnoverOf(host, PoolsOf(host).front()).has_value();
  };
  // Too few of the small one are among the 64 of the large one.
  for (int i = 0; i < kSnapshots; ++i) {
    SetPool(evidence, i, "10.0.0.2", i < 2 ? Hashes(many.begin(), many.begin() + 20) : many);
  }
  EXPECT_FALSE(is_known());
  evidence = WithPools([](uint32_t) { return Range(0, 20); });
  EXPECT_TRUE(is_known());
  auto& sockets = *NamespaceIn(evidence, 1).mutable_sockets();
  sockets.mutable_peers()->rbegin()->mutable_connection_hashes()->RemoveLast();
  EXPECT_FALSE(is_known());
}

}  // namespace
}  // namespace tcpfleet::tests
