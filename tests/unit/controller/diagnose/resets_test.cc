#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/connections.h"

namespace tcpfleet::tests {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(ResetBurst, SaysWhichCounterMoved) {
  v1::HostEvidence host = HealthyHost();  // 20,000 connections are opened
  Grow(host, "Tcp.OutRsts", 1'999);
  EXPECT_THAT(*Ask("reset-burst", host), IsEmpty());
  Grow(host, "Tcp.OutRsts", 1);
  Grow(host, "TcpExt.TCPAbortOnData", 100);
  Grow(host, "TcpExt.TCPAbortOnClose", 1'900);
  const auto findings = Ask("R46", host);
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_THAT(findings->front().cause(), HasSubstr("that they have not read"));
  EXPECT_THAT(*Ask("R46", host, "per_second", 201), IsEmpty());
}

v1::HostEvidence IdlePool(int sockets, uint64_t idle_ms) {
  v1::HostEvidence host = HealthyHost();
  AddMany(host, sockets, "ESTAB", "10.0.0.1", "10.0.0.2:5432",
          {{"timer", 0}, {"backoff", 0}, {"last_data_recv_at_ms", kNowMs - idle_ms}});
  return host;
}

TEST(StalePoolReuse, IsIdleConnectionsThatEndWithResets) {
  v1::HostEvidence host = IdlePool(5, 60'000);
  Grow(host, "Tcp.EstabResets", 5);
  EXPECT_THAT(*Ask("stale-pool-reuse", host), IsEmpty());  // they are still there
  host.mutable_sockets(kSnapshots - 1)->clear_connections();
  const auto findings = Ask("R47", host);
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(findings->front().subject(), "app[4711] to 10.0.0.2:5432");
  EXPECT_THAT(*Ask("R47", host, "resets", 6), IsEmpty());
  host = IdlePool(5, 30'000);  // 27.5 s when last seen
  Grow(host, "Tcp.EstabResets", 5);
  host.mutable_sockets(kSnapshots - 1)->clear_connections();
  EXPECT_THAT(*Ask("R47", host), IsEmpty());
}

TEST(StalePoolReuse, IsConnectionsForgottenOnTheWay) {
  v1::HostEvidence host = HealthyHost();
  AddMany(host, 3, "ESTAB", "10.0.0.1", "10.0.0.2:5432",
          {{"timer", 1}, {"backoff", 2}, {"last_data_recv_at_ms", kNowMs - 60'000}});
  ASSERT_THAT(*Ask("R47", host), SizeIs(1));
  EXPECT_THAT(Ask("R47", host)->front().title(), HasSubstr("dead after a pause"));
  EXPECT_THAT(*Ask("R47", host, "silent_sockets", 4), IsEmpty());
}

void SetPool(v1::HostEvidence& host, int snapshot, const std::string& peer, uint64_t size) {
  v1::SocketGroup& group = *NamespaceIn(host, snapshot).mutable_sockets()->add_peers();
  group.set_peer_address(peer);
  group.set_peer_port(5'432);
  group.mutable_owner()->set_pid(4'711);
  group.mutable_owner()->set_comm("app");
  group.set_sockets(size);
  (*group.mutable_states())["ESTAB"] = size;
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

TEST(PoolHealth, FindsAPoolThatOnlyGrows) {
  v1::HostEvidence host = HealthyHost();
  for (int i = 0; i < kSnapshots; ++i)
    SetPool(host, i, "10.0.0.2", 5 + 3u * static_cast<unsigned>(i));
  EXPECT_THAT(Titles(host), testing::ElementsAre(HasSubstr("only grows")));
  host = HealthyHost();
  for (int i = 0; i < kSnapshots; ++i)
    SetPool(host, i, "10.0.0.2", i == 3 ? 9 : 5 + 3u * static_cast<unsigned>(i));
  EXPECT_THAT(Titles(host), IsEmpty());
}

TEST(PoolHealth, FindsOnesTooLargeAndTooSmall) {
  v1::HostEvidence host = HealthyHost();
  for (int i = 0; i < kSnapshots; ++i) SetPool(host, i, "10.0.0.2", 20);
  EXPECT_THAT(Titles(host), testing::ElementsAre(HasSubstr("at its limit")));
  AddMany(host, 16, "ESTAB", "10.0.0.1", "10.0.0.2:5432",
          {{"last_data_recv_at_ms", kNowMs - 300'000}, {"last_data_sent_at_ms", kNowMs - 300'000}});
  EXPECT_THAT(Titles(host), testing::ElementsAre(HasSubstr("more connections than it uses")));
  // Used now and then: neither.
  host.clear_sockets();
  const v1::HostEvidence healthy = HealthyHost();
  *host.mutable_sockets() = healthy.sockets();
  AddMany(host, 16, "ESTAB", "10.0.0.1", "10.0.0.2:5432",
          {{"last_data_recv_at_ms", kNowMs - 40'000}, {"last_data_sent_at_ms", kNowMs - 40'000}});
  EXPECT_THAT(Titles(host), IsEmpty());
}

TEST(PoolHealth, TellsHowAPoolIsUsed) {
  v1::HostEvidence host = HealthyHost();
  for (int i = 0; i < kSnapshots; ++i) {
    SetPool(host, i, "10.0.0.2", 5 + 3u * static_cast<unsigned>(i));
    auto& states = *NamespaceIn(host, i).mutable_sockets()->mutable_peers(0)->mutable_states();
    states["CLOSE-WAIT"] = 20;
    states["TIME-WAIT"] = 30;
    states["ESTAB"] = 20 + 4u * static_cast<unsigned>(i);
  }
  AddMany(host, 10, "ESTAB", "10.0.0.1", "10.0.0.2:5432",
          {{"last_data_recv_at_ms", kNowMs - 40'000}, {"last_data_sent_at_ms", kNowMs - 40'000}});
  const auto findings = Ask("pool-health", host);
  ASSERT_THAT(findings, IsOk());
  ASSERT_THAT(*findings, SizeIs(1));
  const double size = 20 + 4.0 * (kSnapshots - 1);
  EXPECT_DOUBLE_EQ(EvidenceOf(findings->front(), "resting").after(), 10 / size);
  EXPECT_DOUBLE_EQ(EvidenceOf(findings->front(), "close_wait").after(), 20 / (size + 20));
  EXPECT_DOUBLE_EQ(EvidenceOf(findings->front(), "closed_here").after(), 0.5);
}

TEST(PoolHealth, FindsOnePeerWithMost) {
  v1::HostEvidence host = HealthyHost();
  for (int i = 0; i < kSnapshots; ++i) {
    SetPool(host, i, "10.0.0.2", i % 2 == 0 ? 30 : 31);
    SetPool(host, i, "10.0.0.3", 10);
    SetPool(host, i, "10.0.0.4", 10);
  }
  EXPECT_THAT(Titles(host), testing::ElementsAre(HasSubstr("one of several peers")));
  EXPECT_THAT(*Ask("R48", host, "skew", 3.1), IsEmpty());
}

TEST(PoolHealth, DoesNotTakeClientsForAPool) {
  v1::HostEvidence host = HealthyHost();
  for (int i = 0; i < kSnapshots; ++i) {
    SetPool(host, i, "10.0.0.2", 20);
    v1::SocketGroup& group = *NamespaceIn(host, i).mutable_sockets()->mutable_peers(0);
    group.set_peer_port(40'000);
    group.mutable_owner()->set_pid(812);
    group.mutable_owner()->set_comm("nginx");
  }
  EXPECT_THAT(Titles(host), IsEmpty());
}

}  // namespace
}  // namespace tcpfleet::tests
