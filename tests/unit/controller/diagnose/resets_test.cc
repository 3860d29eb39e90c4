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

}  // namespace
}  // namespace tcpfleet::tests
