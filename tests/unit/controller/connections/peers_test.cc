#include "controller/connections/peers.h"

#include <gmock/gmock.h>

#include "tests/unit/controller/connections/row_list.h"

namespace tcpfleet::controller {
namespace {

using sockets::Field;
using sockets::Limit;
using ::testing::HasSubstr;

const ConnectionRow* PeerOf(RowList& list, size_t row) {
  return PeerIndex(list.rows(), list.hosts).PeerOf(list.row(row));
}

TEST(PeerIndex, JoinsTheSwappedTupleOfTwoHosts) {
  RowList list({"web1", "db1"});
  list.Add(0, 1, "198.18.0.1:40000", "198.18.0.2:5432");
  list.Add(1, 1, "[::ffff:198.18.0.2]:5432", "[::ffff:198.18.0.1]:40000");
  list.Add(0, 3, "198.18.0.1:40001", "198.18.0.2:5432");
  EXPECT_EQ(PeerOf(list, 0), &list.row(1));
  EXPECT_EQ(PeerOf(list, 1), &list.row(0));
  EXPECT_EQ(PeerOf(list, 2), nullptr);
}

TEST(PeerIndex, JoinsLoopbackOnlyWithinANamespace) {
  RowList list({"web1", "web2"});
  list.Add(0, 1, "127.0.0.1:40000", "127.0.0.1:80");
  list.Add(0, 2, "127.0.0.1:80", "127.0.0.1:40000");
  list.Add(1, 1, "127.0.0.1:80", "127.0.0.1:40000");
  list.Add(0, 3, "127.0.0.1:80", "127.0.0.1:40000").identity.network_namespace = 7;
  list.Add(1, 4, "127.0.0.1:81", "127.0.0.1:82");
  list.Add(0, 4, "127.0.0.1:82", "127.0.0.1:81");
  EXPECT_EQ(PeerOf(list, 0), &list.row(1));
  EXPECT_EQ(PeerOf(list, 2), nullptr);
  EXPECT_EQ(PeerOf(list, 4), nullptr);
}

TEST(PeerIndex, AddressesThatSeveralMachinesHaveJoinOnlyWithinOne) {
  RowList list({"web1", "web2"});
  list.Add(0, 1, "172.17.0.2:40000", "172.17.0.3:80");
  list.Add(0, 2, "172.17.0.3:80", "172.17.0.2:40000").identity.network_namespace = 7;
  list.Add(1, 3, "172.17.0.2:40001", "172.17.0.3:80");
  list.Add(1, 4, "172.17.0.3:80", "172.17.0.2:50000");
  list.Add(0, 5, "172.17.0.2:50000", "172.17.0.3:80");
  EXPECT_EQ(PeerOf(list, 0), &list.row(1));
  EXPECT_EQ(PeerOf(list, 4), nullptr) << "the other end is on another machine's network";
}

TEST(PeerIndex, JoinsNothingThatIsAmbiguous) {
  RowList list({"web1"});
  list.Add(0, 1, "172.17.0.2:40000", "172.17.0.3:80");
  list.Add(0, 2, "172.17.0.3:80", "172.17.0.2:40000").identity.network_namespace = 7;
  list.Add(0, 3, "172.17.0.3:80", "172.17.0.2:40000").identity.network_namespace = 8;
  EXPECT_EQ(PeerOf(list, 0), nullptr);
}

TEST(PeerIndex, TwoAgentsOfOneMachineSeeTheSameSockets) {
  RowList list({"a", "b"});
  for (HostView& host : list.hosts) host.description.set_boot_id("same");
  for (uint32_t host = 0; host < 2; ++host) {
    list.Add(host, 1, "127.0.0.1:40000", "127.0.0.1:80");
    list.Add(host, 2, "127.0.0.1:80", "127.0.0.1:40000");
  }
  EXPECT_EQ(PeerOf(list, 0), &list.row(1));
  EXPECT_EQ(PeerOf(list, 2), &list.row(3));
}

TEST(PeerIndex, AConnectionToItselfAndAListenerHaveNoOtherEnd) {
  RowList list({"a"});
  list.Add(0, 1, "127.0.0.1:80", "127.0.0.1:80");
  list.Add(0, 2, "0.0.0.0:443", "0.0.0.0:1").values.Set(Field::kState, 10);
  EXPECT_EQ(PeerOf(list, 0), nullptr);
  EXPECT_EQ(PeerOf(list, 1), nullptr);
}

class ExplainPairTest : public ::testing::Test {
 protected:
  ExplainPairTest() {
    list_.Add(0, 1, "198.18.0.1:40000", "198.18.0.2:5432");
    list_.Add(1, 1, "198.18.0.2:5432", "198.18.0.1:40000");
    web().derived.send_rate = 1e6;
    db().derived.send_rate = 1e3;
  }
  ConnectionRow& web() { return list_.row(0); }
  ConnectionRow& db() { return list_.row(1); }
  void SetDb(Field field, uint64_t value) {
    const_cast<sockets::ConnectionSample*>(db().sample)->values.Set(field, value);
  }
  void SetWeb(Field field, uint64_t value) {
    const_cast<sockets::ConnectionSample*>(web().sample)->values.Set(field, value);
  }
  std::string Text() { return ExplainPair(web(), db(), list_.hosts); }

  RowList list_{"web1", "db1"};
};

TEST_F(ExplainPairTest, NamesTheReceiverThatReadsTooSlowly) {
  web().derived.limited = Limit::kReceiver;
  web().derived.rwnd_limited_share = 0.87;
  SetDb(Field::kReceiveQueue, 1'200'000);
  EXPECT_EQ(Text(),
            "web1 -> db1: limited by db1's receive window (87 % of the time), 1.20 MB wait unread "
            "there");
  EXPECT_EQ(ExplainPair(db(), web(), list_.hosts), Text());
}

TEST_F(ExplainPairTest, NamesEveryOtherLimit) {
  web().derived.limited = Limit::kApplication;
  web().derived.busy_share = 0.08;
  EXPECT_EQ(Text(),
            "web1 -> db1: limited by web1's application, which has nothing to send (92 % of the "
            "time)");
  web().derived.limited = Limit::kSendBuffer;
  web().derived.sndbuf_limited_share = 0.5;
  EXPECT_EQ(Text(), "web1 -> db1: limited by web1's send buffer (50 % of the time)");
  web().derived.limited = Limit::kCongestionWindow;
  SetWeb(Field::kSndCwnd, 10);
  SetWeb(Field::kRtt, 30'000);
  EXPECT_EQ(Text(), "web1 -> db1: limited by web1's congestion window (10 segments per 30.0 ms)");
  web().derived.limited = Limit::kNetwork;
  web().derived.retrans_share = 0.012;
  EXPECT_EQ(Text(),
            "web1 -> db1: limited by the network, which loses segments (1.2 % "
            "retransmitted)");
  web().derived.limited.reset();
  EXPECT_EQ(Text(), "web1 -> db1: what limits it is not known");
}

TEST_F(ExplainPairTest, SpeaksOfBothDirectionsWhenBothCarryData) {
  web().derived.limited = Limit::kApplication;
  db().derived.send_rate = 2e6;
  db().derived.limited = Limit::kSendBuffer;
  EXPECT_EQ(Text(),
            "db1 -> web1: limited by db1's send buffer; web1 -> db1: limited by web1's "
            "application, which has nothing to send");
}

TEST_F(ExplainPairTest, SaysWhenTheEndsMeasureDifferentRoundTrips) {
  SetWeb(Field::kRtt, 1'200);
  SetDb(Field::kRtt, 14'000);
  EXPECT_THAT(Text(), HasSubstr("; rtt 1.20 ms at web1, 14.0 ms at db1"));
}

TEST_F(ExplainPairTest, TellsIdleOnesAndEndsOfOneHostApart) {
  web().derived.send_rate = db().derived.send_rate = 0;
  EXPECT_EQ(Text(), "web1 <-> db1: idle");
  web().host = 1;
  EXPECT_EQ(Text(), "db1 (198.18.0.1:40000) <-> db1 (198.18.0.2:5432): idle");
}

}  // namespace
}  // namespace tcpfleet::controller
