#include "controller/diagnose/peer_lookups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/diagnose/evidence.h"

namespace tcpfleet::controller {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr absl::string_view kNear = "10.0.0.1:4000";
constexpr absl::string_view kFar = "10.0.0.2:80";

// An idle connection of a host.
void AddIdle(v1::HostEvidence& host, absl::string_view local, absl::string_view peer) {
  v1::ConnectionRecord connection = tests::Connection("ESTAB", local, peer);
  (*connection.mutable_fields())["last_ack_recv_at_ms"] =
      static_cast<uint64_t>(host.sockets(0).monotonic_ns() / 1'000'000 - 20'000);
  tests::AddConnection(host, connection);
}

// Two hosts; the first has an idle connection to the second.
std::vector<v1::HostEvidence> Hosts() {
  std::vector<v1::HostEvidence> hosts;
  for (const char* name : {"web1", "web2"}) {
    v1::HostEvidence& host = hosts.emplace_back(tests::HealthyHost(name));
    tests::SetSysctl(host, "net/ipv4/ip_forward", "0");
  }
  AddIdle(hosts[0], kNear, kFar);
  return hosts;
}

sockets::ConnectionSample Socket(absl::string_view local, absl::string_view remote) {
  sockets::ConnectionSample sample;
  sample.identity.local = *base::ParseEndpoint(local);
  sample.identity.remote = *base::ParseEndpoint(remote);
  return sample;
}

AgentSnapshot Answer(std::vector<sockets::ConnectionSample> connections) {
  AgentSnapshot snapshot;
  snapshot.status = absl::OkStatus();
  snapshot.connections = std::move(connections);
  return snapshot;
}

// Two looks at both hosts, 8 s apart; the second one answers with `far`.
std::vector<v1::HostEvidence> After(std::vector<v1::HostEvidence> hosts, const AgentSnapshot& far) {
  PeerLookups lookups(hosts);
  for (const int64_t now_ns : {100'000'000'000, 108'000'000'000}) {
    lookups.Look(0, Answer({Socket(kNear, kFar)}), now_ns);
    lookups.Look(1, far, now_ns);
  }
  lookups.AddTo(absl::MakeSpan(hosts));
  return hosts;
}

TEST(PeerLookups, AskForTheAddressesOfOtherEnds) {
  EXPECT_EQ(PeerLookups(Hosts()).Request().filter(), "state connected ( src = 10.0.0.2 )");
  EXPECT_EQ(PeerLookups(std::vector{tests::HealthyHost()}).Request().filter(), "");
}

TEST(PeerLookups, ProveThatTheOtherEndIsGone) {
  // Another connection of that address shows whose it is.
  const auto hosts = After(Hosts(), Answer({Socket("10.0.0.2:22", "10.0.0.7:9")}));
  ASSERT_THAT(hosts[0].peer_lookups(), SizeIs(1));
  const v1::PeerLookup& lookup = hosts[0].peer_lookups(0);
  EXPECT_EQ(lookup.unknown(), "");
  EXPECT_EQ(lookup.peer_host(), "web2");
  EXPECT_EQ(lookup.looks(), 2U);
  EXPECT_EQ(lookup.found(), 0U);
  EXPECT_EQ(lookup.seconds(), 8);
  EXPECT_EQ(lookup.cookie(), hosts[0].sockets(0).connections(0).cookie());
}

TEST(PeerLookups, FindTheOtherEndAlsoWithMappedAddresses) {
  const auto hosts =
      After(Hosts(), Answer({Socket("[::ffff:10.0.0.2]:80", "[::ffff:10.0.0.1]:4000")}));
  EXPECT_EQ(hosts[0].peer_lookups(0).found(), 2U);
  EXPECT_EQ(hosts[0].peer_lookups(0).unknown(), "");
}

TEST(PeerLookups, KnowNothingOfAddressesThatNobodyHas) {
  const auto hosts = After(Hosts(), Answer({}));
  EXPECT_THAT(hosts[0].peer_lookups(0).unknown(), HasSubstr("no host of the fleet"));
}

TEST(PeerLookups, DoubtHostsThatMayTranslateOrDidNotListAll) {
  const AgentSnapshot other = Answer({Socket("10.0.0.2:80", "10.0.0.7:9")});
  std::vector<v1::HostEvidence> forwarding = Hosts();
  tests::SetSysctl(forwarding[1], "net/ipv4/ip_forward", "1");
  EXPECT_THAT(After(forwarding, other)[0].peer_lookups(0).unknown(), HasSubstr("forwards"));
  std::vector<v1::HostEvidence> silent = Hosts();
  tests::Remove(silent[1], "net/ipv4/ip_forward");
  EXPECT_THAT(After(silent, other)[0].peer_lookups(0).unknown(), HasSubstr("not known"));
  AgentSnapshot torn = other;
  torn.completeness.set_dropped(1);
  EXPECT_THAT(After(Hosts(), torn)[0].peer_lookups(0).unknown(), HasSubstr("did not list all"));
  AgentSnapshot busy = other;
  busy.completeness.set_syn_recv(1);
  EXPECT_THAT(After(Hosts(), busy)[0].peer_lookups(0).unknown(), HasSubstr("handshakes"));
}

std::string DoubtAfter(const std::vector<v1::HostEvidence>& hosts,
                       std::vector<sockets::ConnectionSample> far) {
  return After(hosts, Answer(std::move(far)))[0].peer_lookups(0).unknown();
}

TEST(PeerLookups, DoubtThatTheOtherEndIsGoneWhereItMayHaveAnotherAddress) {
  const sockets::ConnectionSample stranger = Socket(kFar, "10.0.0.7:9");
  EXPECT_THAT(DoubtAfter(Hosts(), {stranger}), HasSubstr("may be translated"));
  // The way between the two is direct: another connection is the same at both ends.
  std::vector<v1::HostEvidence> hosts = Hosts();
  AddIdle(hosts[0], "10.0.0.1:4001", kFar);
  EXPECT_EQ(DoubtAfter(hosts, {stranger, Socket(kFar, "10.0.0.1:4001")}), "");
}

TEST(PeerLookups, DoubtThatTheOtherEndIsGoneWhereItMayHaveAnotherPort) {
  EXPECT_THAT(DoubtAfter(Hosts(), {Socket("10.0.0.2:8080", kNear)}),
              HasSubstr("may be translated"));
  // To a listener come connections from many ports.
  std::vector<v1::HostEvidence> hosts = Hosts();
  tests::AddListener(hosts[0], tests::Listener(4000, 0, 128));
  EXPECT_EQ(DoubtAfter(hosts, {Socket("10.0.0.2:8080", kNear)}), "");
}

TEST(PeerLookups, DoubtAddressesInNamespacesWithoutAnAgent) {
  sockets::ConnectionSample container = Socket("10.0.0.2:22", "10.0.0.7:9");
  container.identity.network_namespace = 7;
  EXPECT_THAT(DoubtAfter(Hosts(), {container}), HasSubstr("another network namespace"));
}

TEST(PeerLookups, DoNotChooseBetweenHostsWithOneAddress) {
  std::vector<v1::HostEvidence> hosts = Hosts();
  PeerLookups lookups(hosts);
  lookups.Look(0, Answer({Socket("10.0.0.2:5", "10.0.0.7:9")}), 100);
  lookups.Look(1, Answer({Socket("10.0.0.2:80", "10.0.0.7:9")}), 100);
  lookups.AddTo(absl::MakeSpan(hosts));
  EXPECT_THAT(hosts[0].peer_lookups(0).unknown(), HasSubstr("several hosts"));
}

TEST(PeerLookups, TellAgentsOfOneMachineApartByTheirNamespaces) {
  std::vector<v1::HostEvidence> hosts = Hosts();
  for (size_t i = 0; i < hosts.size(); ++i) {
    hosts[i].mutable_host()->set_boot_id("one machine");
    hosts[i].mutable_host()->set_network_namespace(100 + i);
  }
  PeerLookups lookups(hosts);
  sockets::ConnectionSample other = Socket("10.0.0.2:22", "10.0.0.7:9");
  other.identity.network_namespace = 101;
  for (const size_t host : {size_t{0}, size_t{1}}) lookups.Look(host, Answer({other}), 100);
  lookups.AddTo(absl::MakeSpan(hosts));
  EXPECT_EQ(hosts[0].peer_lookups(0).peer_host(), "web2");
  EXPECT_EQ(hosts[0].peer_lookups(0).unknown(), "");
}

TEST(PeerLookups, LeaveConnectionsThatHaveEnded) {
  std::vector<v1::HostEvidence> hosts = Hosts();
  PeerLookups lookups(hosts);
  hosts[0].mutable_sockets(tests::kSnapshots - 1)->clear_connections();
  lookups.AddTo(absl::MakeSpan(hosts));
  EXPECT_THAT(hosts[0].peer_lookups(), SizeIs(0));
}

}  // namespace
}  // namespace tcpfleet::controller
