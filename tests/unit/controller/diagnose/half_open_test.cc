#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/connections.h"

namespace tcpfleet::tests {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

v1::HostEvidence Silent(int sockets, uint64_t seconds, uint64_t timer = 0) {
  v1::HostEvidence host = HealthyHost();
  AddMany(host, sockets, "ESTAB", "10.0.0.1:80", "10.0.0.2",
          {{"timer", timer},
           {"receive_queue", 0},
           {"send_queue", 0},
           {"last_data_recv_at_ms", kNowMs - seconds * 1'000},
           {"last_ack_recv_at_ms", kNowMs - seconds * 1'000}},
          false);
  return host;
}

TEST(HalfOpenNoKeepalive, IsARiskAndNoProof) {
  const auto findings = Ask("half-open-no-keepalive", Silent(20, 900));
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(findings->front().severity(), "warn");
  EXPECT_EQ(findings->front().confidence(), "low");
  EXPECT_EQ(findings->front().subject(), "port 80 app[4711]");
}

TEST(HalfOpenNoKeepalive, LeavesOutTimersShortSilenceFewAndOutgoing) {
  EXPECT_THAT(*Ask("R15", Silent(19, 900)), IsEmpty());
  EXPECT_THAT(*Ask("R15", Silent(20, 899)), IsEmpty());
  EXPECT_THAT(*Ask("R15", Silent(20, 900, 2)), IsEmpty());
  v1::HostEvidence host = HealthyHost();
  AddMany(host, 30, "ESTAB", "10.0.0.1", "10.0.0.2:80",
          {{"timer", 0},
           {"receive_queue", 0},
           {"send_queue", 0},
           {"last_data_recv_at_ms", 0},
           {"last_ack_recv_at_ms", 0}});
  EXPECT_THAT(*Ask("R15", host), IsEmpty());
}

TEST(HalfOpenNoKeepalive, CountsAThirdOfASmallService) {
  v1::HostEvidence host = Silent(6, 900);
  v1::SocketGroup& group = *NamespaceIn(host, kSnapshots - 1).mutable_sockets()->add_local_ports();
  group.set_local_port(80);
  group.set_sockets(20);
  EXPECT_THAT(*Ask("R15", host), SizeIs(1));
  group.set_sockets(21);
  EXPECT_THAT(*Ask("R15", host), IsEmpty());
}

v1::HostEvidence Unanswered(int sockets, uint64_t backoff = 3, uint64_t silent_ms = 2'001) {
  v1::HostEvidence host = HealthyHost();
  AddMany(host, sockets, "ESTAB", "10.0.0.1", "10.0.0.2:80",
          {{"timer", 1},
           {"backoff", backoff},
           {"unacked", 1},
           {"last_ack_recv_at_ms", kNowMs - silent_ms}});
  return host;
}

TEST(PeerVanished, IsCriticalFromFiveConnectionsOn) {
  EXPECT_EQ(Ask("peer-vanished-unacked", Unanswered(1))->front().severity(), "warn");
  EXPECT_EQ(Ask("R16", Unanswered(1))->front().subject(), "to 10.0.0.2");
  EXPECT_EQ(Ask("R16", Unanswered(4))->front().severity(), "warn");
  EXPECT_EQ(Ask("R16", Unanswered(5))->front().severity(), "crit");
  EXPECT_THAT(*Ask("R16", Unanswered(5, 2)), IsEmpty());
  EXPECT_THAT(*Ask("R16", Unanswered(5, 3, 2'000)), IsEmpty());
}

v1::HostEvidence LookedUp(uint32_t looks, uint32_t found, double seconds,
                          const std::string& unknown = "") {
  v1::HostEvidence host = HealthyHost();
  const v1::ConnectionRecord connection = Connection("ESTAB", "10.0.0.1:80", "10.0.0.2:4000");
  AddConnection(host, connection);
  v1::PeerLookup& lookup = *host.add_peer_lookups();
  lookup.set_cookie(connection.cookie());
  lookup.set_network_namespace(kNamespace);
  lookup.set_peer_host("web2");
  lookup.set_looks(looks);
  lookup.set_found(found);
  lookup.set_seconds(seconds);
  lookup.set_unknown(unknown);
  return host;
}

std::string VerdictOnHalfOpen(const v1::HostEvidence& host) {
  const v1::DiagnosisReport report = Diagnose({host, HealthyHost("web2")});
  for (const v1::Finding& finding : report.findings()) {
    if (finding.rule() == "half-open-confirmed") return finding.subject();
  }
  for (const v1::RuleVerdict& verdict : report.not_evaluated()) {
    if (verdict.rule() == "half-open-confirmed") return verdict.why();
  }
  return "fine";
}

TEST(HalfOpenConfirmed, NeedsTwoLooksWithoutTheOtherEnd) {
  EXPECT_EQ(VerdictOnHalfOpen(LookedUp(2, 0, 5)), "with web2");
  EXPECT_EQ(VerdictOnHalfOpen(LookedUp(2, 1, 5)), "fine");
  EXPECT_THAT(VerdictOnHalfOpen(LookedUp(1, 0, 0)), HasSubstr("not looked at often enough"));
  EXPECT_THAT(VerdictOnHalfOpen(LookedUp(2, 0, 4.9)), HasSubstr("not looked at often enough"));
  EXPECT_EQ(VerdictOnHalfOpen(LookedUp(2, 0, 5, "addresses are translated")),
            "addresses are translated");
}

v1::HostEvidence KeptAlive(uint64_t seconds_left, uint64_t sent_s, uint64_t received_s) {
  v1::HostEvidence host = HealthyHost();
  AddMany(host, 1, "ESTAB", "10.0.0.1", "10.0.0.2:80",
          {{"timer", 2},
           {"timer_expires_at_ms", kNowMs + seconds_left * 1'000},
           {"last_data_sent_at_ms", kNowMs - sent_s * 1'000},
           {"last_data_recv_at_ms", kNowMs - received_s * 1'000}});
  return host;
}

TEST(HalfOpenConfirmed, NamesTheHostOfItsNumbersAndSockets) {
  const v1::DiagnosisReport report = Diagnose({LookedUp(2, 0, 5), HealthyHost("web2")});
  ASSERT_THAT(report.findings(), SizeIs(1));
  const v1::Finding& finding = report.findings(0);
  ASSERT_THAT(finding.hosts(), SizeIs(1));
  EXPECT_EQ(finding.hosts(0), "web1");
  EXPECT_EQ(EvidenceOf(finding, "half_open").host(), "web1");
  ASSERT_THAT(finding.sockets(), SizeIs(1));
  EXPECT_EQ(finding.sockets(0).host(), "web1");
}

TEST(KeepaliveTooSlow, NeedsAnIdleConnectionThatUsesTheDefault) {
  EXPECT_THAT(*Ask("keepalive-too-slow", HealthyHost()), IsEmpty());
  v1::HostEvidence host = KeptAlive(6'000, 300, 400);
  ASSERT_THAT(*Ask("R21", host), SizeIs(1));
  EXPECT_EQ(EvidenceOf(Ask("R21", host)->front(), "detection").after(), 7'875);
  SetSysctl(host, "net/ipv4/tcp_keepalive_time", "225");
  EXPECT_THAT(*Ask("R21", host), IsEmpty());
  EXPECT_THAT(*Ask("R21", KeptAlive(900, 300, 400)), IsEmpty());
  EXPECT_THAT(*Ask("R21", KeptAlive(6'000, 299, 400)), IsEmpty());
  EXPECT_THAT(*Ask("R21", KeptAlive(6'000, 300, 299)), IsEmpty());
}

}  // namespace
}  // namespace tcpfleet::tests
