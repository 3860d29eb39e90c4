#include "controller/probe/judge.h"

#include <gmock/gmock.h>

#include "tests/unit/controller/probe/judged_path.h"

namespace tcpfleet::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(ProbeRefused, NamesWhatListensNearby) {
  JudgedPath judged("refused");
  judged.port = 8080;
  AddProbedListener(judged.target, "0.0.0.0", 8081);
  ExpectVerdict(judged, true,
                {"nothing listens on port 8080 of web3; there is 0.0.0.0:8081 app[99], 0.0.0.0:80 "
                 "nginx[812]"},
                "start the service on web3");
}

TEST(ProbeRefused, DoubtsAListWithGaps) {
  JudgedPath judged("refused");
  judged.port = 8080;
  AfterTries(judged.target).mutable_sockets()->set_gap(true);
  ExpectVerdict(judged, false, {"its list has gaps"}, "start the service");
}

TEST(ProbeRefused, NamesAListenerOnLoopback) {
  JudgedPath judged("refused");
  judged.port = 8080;
  AddProbedListener(judged.target, "127.0.0.1", 8080);
  ExpectVerdict(judged, true,
                {"port 8080 of web3 is listened on only at 127.0.0.1:8080 app[99]",
                 "only programs on the same host reach it"},
                "listen on 10.0.0.5:8080 or on all addresses");
}

TEST(ProbeRefused, NamesAListenerOnAnotherAddress) {
  JudgedPath judged("refused");
  judged.port = 8080;
  AddProbedListener(judged.target, "192.168.1.1", 8080);
  ExpectVerdict(judged, true, {"only at 192.168.1.1:8080 app[99]"}, "listen on 10.0.0.5:8080");
  EXPECT_THAT(judged.Judge().cause, Not(HasSubstr("same host")));
}

TEST(ProbeRefused, NamesAListenerOfIpv4Only) {
  JudgedPath judged("refused");
  judged.path = ProbedPath("refused", "fd00::5");
  ExpectVerdict(judged, true, {"only at 0.0.0.0:80 nginx[812], so not over IPv6"},
                "listen on [::]:80");
}

TEST(ProbeRefused, BlamesAFirewallWhenSomebodyListens) {
  ExpectVerdict(JudgedPath("refused"), false,
                {"0.0.0.0:80 nginx[812] listens on web3, so a firewall there or on the way"},
                "look for \"reject\"");
}

TEST(ProbeRefused, ThinksOfIpv6OnlyListeners) {
  JudgedPath judged("refused");
  judged.port = 8080;
  AddProbedListener(judged.target, "::", 8080);
  ExpectVerdict(judged, false, {"maybe for IPv6 only"}, "listen on 0.0.0.0:8080 too");
}

TEST(ProbeRefused, KnowsLittleOfForeignHosts) {
  JudgedPath judged("refused");
  judged.NobodyHasTheAddress();
  ExpectVerdict(judged, false,
                {"nothing listens on 10.0.0.5:80, or a firewall rejects", "no agent is known"},
                "ss -ltnp 'sport = :80'");
  judged.names = {"web1", "web2"};
  ExpectVerdict(judged, false, {"web[1-2] (2) have that address"}, "ss -ltnp");
}

TEST(ProbeRefused, SaysWhyItsHostIsSilent) {
  JudgedPath judged("refused");
  judged.is_target_observed = false;
  judged.unobserved = "no answer in time";
  ExpectVerdict(judged, false, {"web3 has that address", "(no answer in time)"}, "ss -ltnp");
  judged.is_target_observed = true;
  AfterTries(judged.target).clear_sockets();
  ExpectVerdict(judged, false, {"(inet_diag: was not reported)"}, "ss -ltnp");
}

TEST(ProbeRefused, SpeaksOfTheHostItself) {
  JudgedPath judged("refused");
  judged.names = {"client"};
  judged.port = 8080;
  ExpectVerdict(judged, true, {"nothing listens on port 8080 of this host"}, "on this host");
}

TEST(ProbeUnreachable, TellsMissingRoutesFromSilentNeighbours) {
  JudgedPath judged("unreachable");
  judged.NobodyHasTheAddress();
  ExpectVerdict(judged, false, {"a router or a firewall says that 10.0.0.5"}, "ip route get");
  for (v1::ProbeTry& one : *judged.path.mutable_single_tries()) one.set_duration_us(3.1e6);
  ExpectVerdict(judged, false, {"nobody answers to the ARP requests for 10.0.0.5"}, "ip neighbour");
  for (v1::ProbeTry& one : *judged.path.mutable_single_tries()) one.clear_local();
  ExpectVerdict(judged, true, {"this host has no route to 10.0.0.5"}, "ip route get 10.0.0.5");
  judged.path.set_address("fd00::5");
  ExpectVerdict(judged, true, {"no route to fd00::5"}, "tcpfleet probe -4");
}

TEST(ProbeUnreachable, KnowsThatTheHostIsUp) {
  ExpectVerdict(JudgedPath("unreachable"), false, {"web3 has that address and is up"}, "ip route");
}

TEST(ProbeLocalPort, CountsPortsTowardsTheTarget) {
  JudgedPath judged("localPort");
  ExpectVerdict(judged, false, {"no free port for a connection to 10.0.0.5:80"},
                "diagnose --rules R10");
  v1::PortUse& use = *AfterTries(judged.own).mutable_sockets()->add_port_use();
  use.set_local_address("10.0.0.2");
  use.set_peer_address("10.0.0.5");
  use.set_peer_port(80);
  use.set_used(20);
  use.set_usable(20);
  use.set_time_wait(19);
  ExpectVerdict(judged, true, {"uses 20 of its 20 ports", "19 of them in TIME_WAIT"}, "R10");
}

TEST(ProbeOtherFailures, HaveTheirOwnCauses) {
  ExpectVerdict(JudgedPath("localFd"), true, {"may open no more files"}, "LimitNOFILE");
  ExpectVerdict(JudgedPath("policy"), true, {"this host forbids the connection"}, "nft list");
  ExpectVerdict(JudgedPath("EACCES"), true, {"this host forbids the connection"}, "nft list");
  ExpectVerdict(JudgedPath("reset"), false, {"was reset"}, "tcpdump");
  ExpectVerdict(JudgedPath("EPROTO"), false, {"connect() failed with EPROTO"}, "man 2 connect");
}

TEST(ProbeUnresolved, TellsMissingNamesFromSilentServers) {
  struct Case {
    const char* error;
    const char* cause;
    const char* fix;
  };
  for (const Case& one : {Case{"'db1' does not resolve: Temporary failure in name resolution",
                               "do not answer", "are its servers reachable"},
                          Case{"'db1' does not resolve: Name or service not known",
                               "do not have the name", "/etc/nsswitch.conf"},
                          Case{"'db1' has no IPv6 address",
                               "does not resolve here: 'db1' has no IPv6", "getent ahosts"}}) {
    JudgedPath judged("refused");
    judged.path.Clear();
    judged.path.set_resolution_error(one.error);
    judged.NobodyHasTheAddress();
    ExpectVerdict(judged, true, {one.cause}, one.fix);
    judged.others_connected = 1;
    ExpectVerdict(judged, true, {"other hosts resolve it"}, "with a host that does");
  }
}

TEST(ProbeFailure, IsJudgedByItsMostFrequentOutcome) {
  JudgedPath judged("refused");
  judged.port = 8080;
  (*judged.path.mutable_failed())["timeout"] = 1;
  EXPECT_THAT(judged.Judge().cause, HasSubstr("nothing listens"));
}

TEST(ProbeFailure, KnowsThatOtherAddressesWork) {
  JudgedPath judged("refused");
  judged.siblings_connected = 1;
  ExpectVerdict(judged, false, {"listens on web3"}, "take this one out of DNS");
}

TEST(ProbeConnected, HasNothingToExplain) {
  JudgedPath judged("connected");
  EXPECT_THAT(judged.Judge().cause, IsEmpty());
  judged.path = v1::ProbePath();
  judged.path.set_address("10.0.0.5");  // not tried yet
  EXPECT_THAT(judged.Judge().cause, IsEmpty());
}

TEST(ProbeConnected, SaysWhyHandshakesTookASecond) {
  JudgedPath judged("connected");
  judged.path.set_syn_retransmits(2);
  ExpectVerdict(judged, false, {"SYNs had to be sent again"}, "R01,R08,R30");
  (*AfterTries(judged.target).mutable_counters())["TcpExt.ListenOverflows"] += 4;
  ExpectVerdict(judged, false, {"an accept queue of web3 overflowed 4 times"}, "R01,R02,R03");
}

TEST(ProbeConnected, SaysThatNamesResolveSlowly) {
  JudgedPath judged("connected");
  judged.path.set_resolution_us(5'003'000);
  ExpectVerdict(judged, false, {"more than a second to resolve"}, "/etc/resolv.conf");
}

TEST(ProbeConnected, SaysWhichOptionsAreMissing) {
  JudgedPath judged("connected");
  judged.path.clear_options();
  judged.path.add_options("ts");
  ExpectVerdict(judged, false, {"no window scaling", "no selective acknowledgements"},
                "net.ipv4.tcp_window_scaling net.ipv4.tcp_sack`");
  EXPECT_THAT(judged.Judge().cause, Not(HasSubstr("timestamps")));
}

TEST(ProbeConnected, SaysThatHandshakesDifferMuch) {
  JudgedPath judged("connected");
  judged.path.mutable_connect_latency_us()->set_max(99e3);
  EXPECT_THAT(judged.Judge().cause, IsEmpty());
  judged.path.mutable_connect_latency_us()->set_max(150e3);
  ExpectVerdict(judged, false, {"more than ten times as long"}, "R34");
}

TEST(ProbeConnected, SaysThatThePathIsNarrowerThanTheInterface) {
  JudgedPath judged("connected");
  (*judged.path.mutable_fields())["advmss"] = 1'460;
  *judged.path.mutable_path_mtu() = FoundMtu("10.0.0.5", 1'500).path_mtu();
  EXPECT_THAT(judged.Judge().cause, IsEmpty());
  judged.path.mutable_path_mtu()->set_bytes(1'400);
  ExpectVerdict(judged, true, {"the path takes packets of 1400 bytes", "1500"}, "an mtu of 1400");
  // What the kernel has learned of the path is in what it announces.
  (*judged.path.mutable_fields())["advmss"] = 1'360;
  EXPECT_THAT(judged.Judge().cause, IsEmpty());
  v1::InterfaceStatistics& interface = *AfterTries(judged.own).add_interfaces();
  interface.set_name("eth0");
  interface.set_state("UP");
  interface.set_mtu(1'500);
  ExpectVerdict(judged, true, {"the path takes packets of 1400 bytes", "1500"}, "an mtu of 1400");
}

TEST(ProbeConnected, SaysThatLargePacketsVanish) {
  JudgedPath judged("connected");
  *judged.path.mutable_path_mtu() = FoundMtu("10.0.0.5", 1'300).path_mtu();
  judged.path.mutable_path_mtu()->set_black_hole(true);
  ExpectVerdict(judged, true, {"more than 1300 bytes vanish", "black hole"},
                "fragmentation needed");
}

}  // namespace
}  // namespace tcpfleet::tests
