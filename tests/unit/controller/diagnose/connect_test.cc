#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/evidence.h"

namespace tcpfleet::tests {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

void AddSynSent(v1::HostEvidence& host, int count, uint64_t retransmits) {
  for (int i = 0; i < count; ++i) {
    v1::ConnectionRecord connection =
        Connection("SYN-SENT", absl::StrCat("10.77.0.2:", 40'000 + i), "10.77.0.1:80");
    (*connection.mutable_fields())["timer_retransmits"] = retransmits;
    AddConnection(host, connection);
  }
}

TEST(ConnectTimeout, NamesThePeerAndTheProgram) {
  v1::HostEvidence host = HealthyHost();
  AddSynSent(host, 10, 3);
  const auto findings = Ask("connect-timeout", host);
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(findings->front().severity(), "warn");
  EXPECT_EQ(findings->front().subject(), "10.77.0.1:80 from app[4711]");
  EXPECT_THAT(findings->front().sockets(), SizeIs(10));
  EXPECT_EQ(EvidenceOf(findings->front(), "syn_sent_retransmitted").after(), 10);
}

TEST(ConnectTimeout, IsCriticalWhenHalfOfThePeersSocketsAreStuck) {
  v1::HostEvidence host = HealthyHost();
  AddSynSent(host, 10, 3);
  v1::SocketGroup& group = *NamespaceIn(host, kSnapshots - 1).mutable_sockets()->add_peers();
  group.set_peer_address("10.77.0.1");
  group.set_peer_port(80);
  group.set_sockets(21);
  EXPECT_EQ(Ask("R08", host)->front().severity(), "warn");
  group.set_sockets(20);
  EXPECT_EQ(Ask("R08", host)->front().severity(), "crit");
}

TEST(ConnectTimeout, ForgivesFewOrFreshOnes) {
  v1::HostEvidence few = HealthyHost();
  AddSynSent(few, 2, 5);
  EXPECT_THAT(*Ask("R08", few), IsEmpty());
  v1::HostEvidence fresh = HealthyHost();
  AddSynSent(fresh, 10, 0);
  EXPECT_THAT(*Ask("R08", fresh), IsEmpty());
  v1::HostEvidence brief = HealthyHost();
  AddSynSent(brief, 10, 1);
  for (int i = 0; i + 1 < kSnapshots; ++i) brief.mutable_sockets(i)->clear_connections();
  EXPECT_THAT(*Ask("R08", brief), IsEmpty());  // seen once: not for 3 s
}

TEST(ConnectTimeout, IsNotEvaluatedByOneSample) {
  v1::HostEvidence host = HealthyHost();
  AddSynSent(host, 10, 1);
  host.mutable_sockets()->DeleteSubrange(1, kSnapshots - 1);
  EXPECT_THAT(Ask("R08", host), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         "judged by at least 2 samples of connections, not by 1"));
  AddSynSent(host, 3, 3);  // says enough by itself
  EXPECT_THAT(*Ask("R08", host), SizeIs(1));
}

TEST(ConnectTimeout, SeesProgramsThatGiveUpEarlyByTheirCounters) {
  v1::HostEvidence host = HealthyHost();  // 10,000 connections out, as many in
  for (int i = 0; i < kSnapshots; ++i) {
    (*NamespaceIn(host, i).mutable_counters())["Tcp.PassiveOpens"] = 7;
  }
  Grow(host, "TcpExt.TCPSynRetrans", 500);
  EXPECT_THAT(*Ask("R08", host), IsEmpty());
  Grow(host, "TcpExt.TCPSynRetrans", 1);
  ASSERT_THAT(*Ask("R08", host), SizeIs(1));
  EXPECT_EQ(Ask("R08", host)->front().subject(), "");
  Grow(host, "Tcp.PassiveOpens", 1'001);  // a server: SYN-ACKs are counted alike
  EXPECT_THAT(*Ask("R08", host), IsEmpty());
}

TEST(ConnectTimeout, IsNotFineWhenConnectionsWereLeftOut) {
  v1::HostEvidence host = HealthyHost();
  host.mutable_sockets(1)->set_dropped(5);
  EXPECT_THAT(Ask("R08", host), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(ConnectionRefused, FiresAtOneASecondAndATenthOfAll) {
  v1::HostEvidence host = HealthyHost();  // 10,000 connections out
  Grow(host, "Tcp.AttemptFails", 999);
  EXPECT_THAT(*Ask("connection-refused-burst", host), IsEmpty());
  Grow(host, "Tcp.AttemptFails", 1);
  ASSERT_THAT(*Ask("R09", host), SizeIs(1));
  EXPECT_EQ(Ask("R09", host)->front().severity(), "warn");
  EXPECT_THAT(*Ask("R09", host, "per_second", 101), IsEmpty());
}

TEST(ConnectionRefused, LeavesHandshakesThatClientsReset) {
  v1::HostEvidence host = HealthyHost();
  Grow(host, "Tcp.AttemptFails", 5'000);
  Grow(host, "TcpExt.EmbryonicRsts", 5'000);
  EXPECT_THAT(*Ask("R09", host), IsEmpty());
}

}  // namespace
}  // namespace tcpfleet::tests
