#include <gmock/gmock.h>

#include "tests/unit/controller/probe/judged_path.h"

namespace tcpfleet::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Listener& Nginx(JudgedPath& judged) {
  return *AfterTries(judged.target).mutable_sockets()->mutable_listeners(0);
}

void Grow(v1::HostEvidence& host, const std::string& counter, uint64_t by) {
  (*AfterTries(host).mutable_counters())[counter] += by;
}

TEST(ProbeTimeout, NamesTheFullAcceptQueue) {
  JudgedPath judged("timeout");
  Nginx(judged).set_accept_queue(512);
  Grow(judged.target, "TcpExt.ListenOverflows", 15);
  Grow(judged.target, "TcpExt.ListenDrops", 15);
  ExpectVerdict(
      judged, true,
      {"the accept queue of 0.0.0.0:80 nginx[812] on web3 is full (512 of 512)", "15 meanwhile"},
      "make nginx[812] accept faster");
  Nginx(judged).set_accept_queue(511);
  ExpectVerdict(judged, false,
                {"an accept queue of web3 overflowed 15 times", "0.0.0.0:80 nginx[812] has 511"},
                "R01,R02,R03");
}

TEST(ProbeTimeout, LooksOnlyAtListenersThatTakeTheAddress) {
  JudgedPath judged("timeout");
  AddProbedListener(judged.target, "127.0.0.1", 80).set_accept_queue(129);
  AddProbedListener(judged.target, "0.0.0.0", 81).set_accept_queue(129);
  ExpectVerdict(judged, true, {"a firewall of web3 or on the way"}, "tcpdump");
}

TEST(ProbeTimeout, NamesTheFullSynQueue) {
  JudgedPath judged("timeout");
  Grow(judged.target, "TcpExt.TCPReqQFullDrop", 1);
  ExpectVerdict(judged, true, {"SYN queue of a listener of web3 is full", "1 SYN was dropped"},
                "net.ipv4.tcp_syncookies=1");
}

TEST(ProbeTimeout, NamesTheConnectionTrackingThatIsFull) {
  JudgedPath judged("timeout");
  (*AfterTries(judged.target).mutable_conntrack()->mutable_counters())["drop"] = 12;
  ExpectVerdict(judged, true, {"the connection tracking of web3 has no room"}, "R39,R40");
  JudgedPath own("timeout");
  own.NobodyHasTheAddress();
  (*AfterTries(own.own).mutable_conntrack()->mutable_counters())["drop"] = 12;
  ExpectVerdict(own, true, {"the connection tracking of this host has no room"},
                "nf_conntrack_max");
}

TEST(ProbeTimeout, SeesAnswersThatGetLost) {
  JudgedPath judged("timeout");
  Nginx(judged).set_syn_recv(5);
  Nginx(judged).set_syn_recv_retransmitted(5);
  ExpectVerdict(judged, true, {"SYNs reach web3", "do not complete"}, "compare both ways");
}

TEST(ProbeTimeout, SeesOtherDrops) {
  JudgedPath judged("timeout");
  Grow(judged.target, "TcpExt.ListenDrops", 3);
  ExpectVerdict(judged, false, {"web3 dropped 3 SYNs meanwhile"}, "dmesg");
}

TEST(ProbeTimeout, BlamesAFirewallWhenTheListenerHasRoom) {
  JudgedPath judged("timeout");
  judged.others_connected = 37;
  ExpectVerdict(judged, true,
                {"a firewall of web3 or on the way drops the packets: 0.0.0.0:80 nginx[812] is "
                 "there and its queue has room (0 of 512)",
                 "; other hosts connect"},
                "on web3: nft list ruleset");
  judged.port = 8080;
  ExpectVerdict(judged, true, {"nothing listens on port 8080 there"}, "on web3: tcpdump");
}

TEST(ProbeTimeout, IsLossWhenSomeTriesConnect) {
  JudgedPath judged("timeout");
  judged.path.set_connected(2);
  (*judged.path.mutable_failed())["timeout"] = 3;
  ExpectVerdict(judged, false, {"packets are lost between this host and web3; its listener has"},
                "R30,R31");
  judged.port = 8080;  // it has stopped to listen meanwhile
  EXPECT_THAT(judged.Judge().cause, Not(HasSubstr("listener")));
}

TEST(ProbeTimeout, DoubtsCountersThatWereSetBack) {
  JudgedPath judged("timeout");
  Grow(judged.target, "TcpExt.ListenOverflows", 15);
  judged.target.mutable_snapshots(1)->set_boot_id("another");
  ExpectVerdict(judged, false, {"a firewall of web3"}, "tcpdump");
}

TEST(ProbeTimeout, KnowsThatTheHostIsSilentToo) {
  JudgedPath judged("timeout");
  judged.is_target_observed = false;
  judged.unobserved = "no answer in time";
  judged.is_silent = true;
  ExpectVerdict(judged, false,
                {"web3 has that address and its agent says nothing either (no answer in time)"},
                "look whether web3 is up");
}

TEST(ProbeTimeout, SaysWhyItsHostWasNotLookedAt) {
  JudgedPath judged("timeout");
  judged.is_target_observed = false;
  judged.unobserved = "needs the observe role";
  ExpectVerdict(judged, false,
                {"does not say what it does with SYNs (needs the observe role): they are filtered"},
                "Recv-Q above Send-Q");
}

TEST(ProbeTimeout, KnowsLittleOfForeignHosts) {
  JudgedPath judged("timeout");
  judged.NobodyHasTheAddress();
  ExpectVerdict(judged, false, {"10.0.0.5:80 is filtered, dead, or its accept queue is full"},
                "tcpfleet explain connect-timeout");
  judged.others_connected = 2;
  ExpectVerdict(judged, false, {"between this host and 10.0.0.5: other hosts connect"},
                "traceroute -T -p 80 10.0.0.5");
  judged.names = {"web1", "web2"};
  ExpectVerdict(judged, false, {"several hosts have that address: web[1-2] (2)"}, "traceroute");
}

TEST(ProbeTimeout, AsksForPatienceWhenOneLostSynIsEnough) {
  JudgedPath judged("timeout");
  judged.connect_timeout_ms = 500;
  ExpectVerdict(judged, false, {"a firewall of web3"}, "--connect-timeout 5s");
}

}  // namespace
}  // namespace tcpfleet::tests
