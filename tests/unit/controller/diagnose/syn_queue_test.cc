#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/evidence.h"

namespace tcpfleet::tests {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

v1::Listener Handshaking(uint32_t syn_recv, uint32_t retransmitted) {
  v1::Listener listener = Listener(8080, 0, 1024, "app", 21);
  listener.set_syn_recv(syn_recv);
  listener.set_syn_recv_retransmitted(retransmitted);
  return listener;
}

// 40 SYNs, tcp_max_syn_backlog 8, no SYN cookies: only ListenDrops moves.
TEST(SynQueueDrop, FiresOnDropsThatNoOtherCounterSees) {
  v1::HostEvidence host = HealthyHost();
  SetSysctl(host, "net/ipv4/tcp_syncookies", "0");
  SetSysctl(host, "net/ipv4/tcp_max_syn_backlog", "8");
  Grow(host, "TcpExt.ListenDrops", 33);
  AddListener(host, Handshaking(7, 0));
  const auto findings = Ask("syn-queue-drop", host);
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(findings->front().severity(), "crit");
  EXPECT_EQ(findings->front().subject(), "0.0.0.0:8080 app[21]");
  EXPECT_EQ(EvidenceOf(findings->front(), "tcp_max_syn_backlog").after(), 8);
  EXPECT_EQ(Ask("R05", host, "crit_per_second", 3.4)->front().severity(), "warn");
}

TEST(SynQueueDrop, LeavesWhatTheAcceptQueueRefused) {
  v1::HostEvidence host = HealthyHost();
  Grow(host, "TcpExt.ListenDrops", 60);
  Grow(host, "TcpExt.ListenOverflows", 60);
  EXPECT_THAT(*Ask("R05", host), IsEmpty());
  Grow(host, "TcpExt.TCPReqQFullDrop", 1);
  ASSERT_THAT(*Ask("R05", host), SizeIs(1));
  EXPECT_EQ(Ask("R05", host)->front().subject(), "unknown listener");
}

TEST(SynCookies, AreInfoWhenFewAndCritInAFlood) {
  v1::HostEvidence few = HealthyHost();
  Grow(few, "TcpExt.SyncookiesSent", 31);
  ASSERT_THAT(*Ask("syn-cookies-active", few), SizeIs(1));
  EXPECT_EQ(Ask("R06", few)->front().severity(), "info");

  v1::HostEvidence flood = HealthyHost();
  Grow(flood, "TcpExt.SyncookiesSent", 1'000);
  Grow(flood, "TcpExt.SyncookiesRecv", 99);
  EXPECT_EQ(Ask("R06", flood)->front().severity(), "crit");
  Grow(flood, "TcpExt.SyncookiesRecv", 1);
  EXPECT_EQ(Ask("R06", flood)->front().severity(), "warn");
}

TEST(SynCookies, ToRealClientsMeanOverload) {
  v1::HostEvidence host = HealthyHost();
  Grow(host, "TcpExt.SyncookiesSent", 120);
  Grow(host, "TcpExt.SyncookiesRecv", 120);
  EXPECT_THAT(Ask("R06", host)->front().cause(), testing::HasSubstr("real"));
}

TEST(SynCookies, AreNothingInASingleBurstOrWhenForced) {
  v1::HostEvidence burst = HealthyHost();
  for (int i = 2; i < kSnapshots; ++i) {
    (*NamespaceIn(burst, i).mutable_counters())["TcpExt.SyncookiesSent"] += 500;
  }
  EXPECT_THAT(*Ask("R06", burst), IsEmpty());
  v1::HostEvidence forced = HealthyHost();
  Grow(forced, "TcpExt.SyncookiesSent", 1'000);
  SetSysctl(forced, "net/ipv4/tcp_syncookies", "2");
  EXPECT_THAT(*Ask("R06", forced), IsEmpty());
}

TEST(SynAckRetransmit, CountsHandshakesThatNobodyCompletes) {
  v1::HostEvidence host = HealthyHost();
  v1::HostEvidence quiet = HealthyHost();
  // Of the healthy host's 10,000 connections five are none of its business.
  AddListener(host, Handshaking(5, 5));
  EXPECT_THAT(*Ask("synack-retransmit", host), IsEmpty());
  for (int i = 0; i < kSnapshots; ++i) {
    (*NamespaceIn(quiet, i).mutable_counters())["Tcp.PassiveOpens"] = 7;
  }
  AddListener(quiet, Handshaking(5, 4));
  EXPECT_THAT(*Ask("R07", quiet), IsEmpty());
  AddListener(quiet, Handshaking(5, 5));
  ASSERT_THAT(*Ask("R07", quiet), SizeIs(1));
  EXPECT_EQ(Ask("R07", quiet)->front().severity(), "warn");
}

}  // namespace
}  // namespace tcpfleet::tests
