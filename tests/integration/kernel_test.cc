// What agents say their kernels count, against what the kernel, ss, ip and tc say.
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/socket_address.h"
#include "common/sys/tcp_socket.h"
#include "controller/fleet/kernel_snapshots.h"
#include "tests/integration/sockets_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_client.h"
#include "tests/support/plain_server.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {
namespace {

using Request = v1::SnapshotKernelRequest;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Lines = std::vector<std::vector<std::string>>;  // of words

Lines WordsIn(const std::string& text) {
  Lines lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    lines.emplace_back(absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty()));
  }
  return lines;
}

uint64_t NumberOf(absl::string_view text) {
  uint64_t number = 0;
  EXPECT_TRUE(absl::SimpleAtoi(text, &number)) << text;
  return number;
}

class KernelTest : public SocketsTest {
 protected:
  void SetUp() override {
    SocketsTest::SetUp();
    if (IsSkipped()) return;
    web_ = &AddWatchedAgent("web1");
    other_ = &AddWatchedAgent("web2");
    std::vector<controller::FleetMember> members;
    for (const TestAgent* agent : {web_, other_}) {
      members.push_back({{agent->host->name(), agent->address, {}}, NewClient(*agent)});
    }
    controller::FleetOptions options;
    options.timeout = absl::Seconds(30);
    fleet_ = std::make_unique<controller::Fleet>(std::move(members), std::move(options));
  }

  std::vector<v1::KernelSnapshot> SnapshotBoth(const Request& request) {
    std::vector<v1::KernelSnapshot> snapshots;
    for (auto& snapshot : controller::SnapshotKernels(*fleet_, request)) {
      EXPECT_THAT(snapshot, IsOk());
      snapshots.push_back(snapshot.ok() ? *std::move(snapshot) : v1::KernelSnapshot());
    }
    return snapshots;
  }
  v1::KernelSnapshot Snapshot(std::initializer_list<Request::Part> parts, bool owners = false) {
    Request request;
    for (const Request::Part part : parts) request.add_parts(part);
    request.set_owners(owners);
    return SnapshotBoth(request)[0];
  }
  v1::SocketSummary Sockets(bool owners = false) {
    return Snapshot({Request::PART_SOCKETS}, owners).namespaces(0).sockets();
  }

  std::string Printed(std::vector<std::string> command) const {
    const CommandResult result = web_->host->Command(std::move(command)).value();
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }
  // Snapshots while what `command` prints stays the same; that text, and the snapshot.
  std::pair<std::string, v1::KernelSnapshot> SnapshotWhileStill(
      const std::vector<std::string>& command, std::initializer_list<Request::Part> parts) {
    std::string before;
    v1::KernelSnapshot snapshot;
    EXPECT_TRUE(EventuallyTrue([&] {
      before = Printed(command);
      snapshot = Snapshot(parts);
      return Printed(command) == before;
    })) << "never still: "
        << before;
    return {before, snapshot};
  }

  std::unique_ptr<PlainServer> Server(PlainServer::Behaviour behaviour, const Host& host) {
    return PlainServer::Create(behaviour, {host.ipv4(), 0}, &host.network()).value();
  }
  std::vector<sys::UniqueFd> Connect(int count, const base::Endpoint& to) {
    std::vector<sys::UniqueFd> connections;
    for (int i = 0; i < count; ++i) {
      connections.push_back(ConnectTo(to, &web_->host->network()).value());
    }
    return connections;
  }

  TestAgent* web_ = nullptr;
  TestAgent* other_ = nullptr;
  std::unique_ptr<controller::Fleet> fleet_;
};

// "Tcp.ActiveOpens" and so on, of text such as /proc/net/snmp.
std::map<std::string, std::string> ColumnsOf(const std::string& text) {
  std::map<std::string, std::string> columns;
  const Lines lines = WordsIn(text);
  for (size_t i = 0; i + 1 < lines.size(); i += 2) {
    for (size_t word = 1; word < lines[i].size(); ++word) {
      const std::string table = lines[i][0].substr(0, lines[i][0].size() - 1);
      columns[absl::StrCat(table, ".", lines[i][word])] = lines[i + 1][word];
    }
  }
  return columns;
}

TEST_F(KernelTest, CountersAreThoseTheKernelShowsInItsNamespace) {
  const auto server = Server(PlainServer::Behaviour::kHold, *web_->host);
  Request request;
  request.add_parts(Request::PART_COUNTERS);
  const std::vector<v1::KernelSnapshot> before = SnapshotBoth(request);
  const auto connections = Connect(37, server->endpoint());
  const std::vector<v1::KernelSnapshot> after = SnapshotBoth(request);
  const auto opens = [](const v1::KernelSnapshot& snapshot) {
    return snapshot.namespaces(0).counters().at("Tcp.ActiveOpens");
  };
  EXPECT_EQ(opens(after[0]) - opens(before[0]), 37u);
  EXPECT_EQ(opens(after[1]), opens(before[1]));

  const auto [text, snapshot] =
      SnapshotWhileStill({"cat", "/proc/net/snmp", "/proc/net/netstat"}, {Request::PART_COUNTERS});
  const v1::NamespaceStatistics& own = snapshot.namespaces(0);
  EXPECT_EQ(own.network_namespace(), web_->host->network().Inode().value());
  int compared = 0;
  for (const auto& [name, value] : ColumnsOf(text)) {
    const std::string table = name.substr(0, name.find('.'));
    if (table == "IcmpMsg" || table == "UdpLite" || table == "MPTcpExt") continue;
    const auto counter = own.counters().find(name);
    const auto level = own.levels().find(name);
    ASSERT_NE(counter != own.counters().end(), level != own.levels().end()) << name;
    EXPECT_EQ(counter != own.counters().end() ? absl::StrCat(counter->second)
                                              : absl::StrCat(level->second),
              value)
        << name;
    ++compared;
  }
  EXPECT_GT(compared, 150);
  EXPECT_EQ(own.levels().at("Tcp.CurrEstab"), 74);  // both ends are here
  EXPECT_EQ(own.levels().at("TCP.inuse"), 76);      // and two listeners, one of them the agent's
}

TEST_F(KernelTest, ListenerQueuesAreThoseOfSs) {
  const auto full = Server(PlainServer::Behaviour::kFullBacklog, *web_->host);
  const auto idle = Server(PlainServer::Behaviour::kHold, *web_->host);
  const v1::SocketSummary sockets = Sockets(true);
  const Lines lines = WordsIn(Printed({"ss", "-Hltn"}));
  ASSERT_EQ(static_cast<size_t>(sockets.listeners_size()), lines.size());
  for (const v1::Listener& listener : sockets.listeners()) {
    const std::string address = listener.address() == "::" ? "*"  // dual stack
                                                           : listener.address();
    const std::vector<std::string> expected = {"LISTEN", absl::StrCat(listener.accept_queue()),
                                               absl::StrCat(listener.backlog()),
                                               absl::StrCat(address, ":", listener.port())};
    EXPECT_THAT(lines, Contains(testing::ResultOf(
                           [](std::vector<std::string> words) {
                             words.resize(4);
                             return words;
                           },
                           expected)));
  }
  const v1::Listener& fullest = sockets.listeners(0);
  EXPECT_EQ(fullest.port(), full->endpoint().port);
  EXPECT_GT(fullest.accept_queue(), fullest.backlog());
  EXPECT_EQ(fullest.owner().pid(), static_cast<uint32_t>(::getpid()));
}

TEST_F(KernelTest, HandshakesThatHangAreTheListeners) {
  Host& deaf = AddHost("deaf");
  ASSERT_EQ(deaf.Command({"nft",
                          "table inet deaf { chain in { type filter hook input priority 0; "
                          "tcp flags & (syn | ack) == syn | ack drop; }; }"})
                .value()
                .exit_code,
            0);
  const auto server = Server(PlainServer::Behaviour::kHold, *web_->host);
  std::vector<sys::UniqueFd> hanging;
  ASSERT_THAT(deaf.Run([&] {
    for (int i = 0; i < 5; ++i) {
      hanging.emplace_back(sys::NewTcpSocket(AF_INET));
      sys::Connect(hanging.back().get(), sys::ToSocketAddress(server->endpoint()));
    }
    return absl::OkStatus();
  }),
              IsOk());
  v1::Listener listener;
  EXPECT_TRUE(EventuallyTrue([&] {
    const v1::SocketSummary sockets = Sockets();
    for (const v1::Listener& one : sockets.listeners()) {
      if (one.port() == server->endpoint().port) listener = one;
    }
    return listener.syn_recv() == 5 && listener.syn_recv_retransmitted() == 5;
  })) << listener.ShortDebugString();
  EXPECT_EQ(listener.accept_queue(), 0u);
}

TEST_F(KernelTest, PortUseAndTimeWaitAreThoseOfSs) {
  ASSERT_THAT(web_->host->SetSysctl("net.ipv4.ip_local_port_range", "40000 40029"), IsOk());
  ASSERT_THAT(web_->host->SetSysctl("net.ipv4.ip_local_reserved_ports", "40004-40005,50000"),
              IsOk());
  Host& plain = AddHost("plain");
  const auto server = Server(PlainServer::Behaviour::kHold, plain);
  const auto second = Server(PlainServer::Behaviour::kHold, plain);
  const auto held = Connect(6, server->endpoint());
  const auto elsewhere = Connect(2, second->endpoint());
  Connect(4, server->endpoint());  // closed here first: TIME-WAIT

  sys::UniqueFd bound;
  ASSERT_THAT(web_->host->Run([&] {
    bound.Reset(sys::NewTcpSocket(AF_INET));
    const sys::SocketAddress any = sys::ToSocketAddress({web_->host->ipv4(), 0});
    return ::bind(bound.get(), any.get(), any.length) == 0 ? absl::OkStatus()
                                                           : sys::ErrnoStatus("bind");
  }),
              IsOk());

  const std::string destination = server->endpoint().ToString();
  std::string before;
  v1::SocketSummary sockets;
  EXPECT_TRUE(EventuallyTrue([&] {
    before = Printed({"ss", "-Htan", "dst", destination});
    sockets = Sockets(true);
    return before == Printed({"ss", "-Htan", "dst", destination}) &&
           std::count(before.begin(), before.end(), '\n') == 10;
  })) << before;

  std::set<std::string> ports;
  uint32_t waiting = 0;
  for (const std::vector<std::string>& words : WordsIn(before)) {
    ports.insert(words[3]);
    if (words[0] == "TIME-WAIT") ++waiting;
  }
  ASSERT_EQ(sockets.port_use_size(), 2);
  const v1::PortUse& use = sockets.port_use(0);
  EXPECT_EQ(absl::StrCat(use.peer_address(), ":", use.peer_port()), destination);
  EXPECT_EQ(use.local_address(), web_->host->ipv4().ToString());
  EXPECT_EQ(use.used(), ports.size());
  EXPECT_EQ(use.usable(), 28u);
  EXPECT_EQ(use.time_wait(), waiting);
  EXPECT_EQ(use.owner().pid(), static_cast<uint32_t>(::getpid()));
  EXPECT_EQ(sockets.port_use(1).used(), 2u);
  EXPECT_EQ(sockets.port_range_low(), 40000u);
  EXPECT_EQ(sockets.port_range_high(), 40029u);
  EXPECT_EQ(sockets.ports_reserved(), 2u);
  std::set<uint16_t> in_use;
  for (const std::vector<std::string>& words :
       WordsIn(Printed({"ss", "-Htan", "state", "connected"}))) {
    const uint16_t port = base::ParseEndpoint(words[3])->port;
    if (port >= 40000 && port <= 40029) in_use.insert(port);
  }
  // Bound sockets are told since Linux 6.8.
  if (sockets.states().contains("UNCONN")) {
    in_use.insert(sys::LocalEndpoint(bound.get())->port);
  }
  EXPECT_EQ(sockets.ports_in_use(), in_use.size());
  ASSERT_EQ(sockets.time_wait_size(), 1);
  EXPECT_EQ(sockets.time_wait(0).sockets(), waiting);
  EXPECT_EQ(sockets.time_wait(0).peer_port(), server->endpoint().port);
  EXPECT_EQ(sockets.states().at("TIME-WAIT"), waiting);
  EXPECT_EQ(sockets.states().at("ESTAB"), 8u);
  EXPECT_EQ(sockets.processes(0).sockets(), 8u);
}

TEST_F(KernelTest, QdiscDropsAreThoseOfTc) {
  ASSERT_EQ(Printed({"tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "100kbit", "burst",
                     "2000", "limit", "5000"}),
            "");
  ASSERT_THAT(web_->host->Run([&] {
    const sys::UniqueFd flood(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    const sys::SocketAddress to = sys::ToSocketAddress({other_->host->ipv4(), 9});
    const std::string packet(1000, 'x');
    for (int i = 0; i < 50; ++i) {
      ::sendto(flood.get(), packet.data(), packet.size(), 0, to.get(), to.length);
    }
    return absl::OkStatus();
  }),
              IsOk());
  const auto [text, snapshot] =
      SnapshotWhileStill({"tc", "-s", "qdisc", "show", "dev", "eth0"}, {Request::PART_INTERFACES});
  const auto interface = std::find_if(
      snapshot.namespaces(0).interfaces().begin(), snapshot.namespaces(0).interfaces().end(),
      [](const v1::InterfaceStatistics& one) { return one.name() == "eth0"; });
  ASSERT_NE(interface, snapshot.namespaces(0).interfaces().end());
  ASSERT_EQ(interface->qdiscs_size(), 1);
  const v1::QdiscStatistics& qdisc = interface->qdiscs(0);
  EXPECT_GT(qdisc.drops(), 0u);
  EXPECT_THAT(text, AllOf(HasSubstr(absl::StrCat("qdisc tbf ", qdisc.handle(), " root")),
                          HasSubstr(absl::StrCat("Sent ", qdisc.bytes(), " bytes ", qdisc.packets(),
                                                 " pkt (dropped ", qdisc.drops(), ", overlimits ",
                                                 qdisc.overlimits(), " requeues ", qdisc.requeues(),
                                                 ")"))));
  EXPECT_EQ(qdisc.kind(), "tbf");
  EXPECT_EQ(qdisc.parent(), "root");
  EXPECT_EQ(interface->state(), "UP");
  EXPECT_EQ(interface->mtu(), 1500u);
  EXPECT_GT(interface->speed_bits_per_second(), 0u);  // veth says one
}

TEST_F(KernelTest, InterfacesAndNeighboursAreThoseOfIp) {
  const auto server = Server(PlainServer::Behaviour::kHold, *other_->host);
  const auto connections = Connect(1, server->endpoint());
  const auto [text, snapshot] =
      SnapshotWhileStill({"sh", "-c", "ip -s -o link show eth0; ip neigh show nud all"},
                         {Request::PART_INTERFACES, Request::PART_NEIGHBOURS});
  const v1::NamespaceStatistics& own = snapshot.namespaces(0);
  Lines lines = WordsIn(text);
  const std::vector<std::string> link = lines[0];
  lines.erase(lines.begin());
  std::map<std::string, uint64_t> neighbours;
  for (const std::vector<std::string>& words : lines) {
    const bool is_v4 = words[0].find(':') == std::string::npos;
    ++neighbours[absl::StrCat(is_v4 ? "ipv4 " : "ipv6 ", words.back())];
  }
  EXPECT_EQ((std::map<std::string, uint64_t>(own.neighbours().begin(), own.neighbours().end())),
            neighbours);
  // "... RX: bytes packets errors dropped missed mcast \ 1234 12 0 0 0 0 \ TX: ..."
  const auto received = std::find(link.begin(), link.end(), "RX:");
  ASSERT_GT(link.end() - received, 9);
  const auto& counters =
      std::find_if(own.interfaces().begin(), own.interfaces().end(), [](const auto& one) {
        return one.name() == "eth0";
      })->counters();
  EXPECT_EQ(counters.at("rx_bytes"), NumberOf(received[8])) << text;
  EXPECT_EQ(counters.at("rx_packets"), NumberOf(received[9]));
}

TEST_F(KernelTest, ConntrackIsThatOfItsNamespace) {
  if (!std::filesystem::exists("/proc/sys/net/netfilter/nf_conntrack_max")) {
    GTEST_SKIP() << "this kernel has no connection tracking";
  }
  ASSERT_EQ(web_->host
                ->Command({"nft",
                           "table inet track { chain in { type filter hook input priority 0; "
                           "ct state established accept; }; }"})
                .value()
                .exit_code,
            0);
  const auto server = Server(PlainServer::Behaviour::kHold, *web_->host);
  const auto connections = Connect(9, server->endpoint());
  const auto [text, snapshot] =
      SnapshotWhileStill({"cat", "/proc/sys/net/netfilter/nf_conntrack_count",
                          "/proc/sys/net/netfilter/nf_conntrack_max"},
                         {Request::PART_CONNTRACK});
  const v1::Conntrack& conntrack = snapshot.namespaces(0).conntrack();
  EXPECT_EQ(absl::StrCat(conntrack.entries(), "\n", conntrack.maximum(), "\n"), text);
  EXPECT_GE(conntrack.entries(), 9u);
}

TEST_F(KernelTest, NamesWhatIsMissing) {
  const v1::KernelSnapshot snapshot = Snapshot({Request::PART_NEIGHBOURS});
  EXPECT_EQ(snapshot.host().neighbours_size(), 0);
  std::map<std::string, std::string> missing;
  for (const v1::MissingSource& source : snapshot.missing()) {
    missing[source.source()] = source.why();
    EXPECT_EQ(source.network_namespace(), 0u);  // of the host
  }
  // Only the first network namespace of a host shows them.
  EXPECT_THAT(missing,
              Contains(testing::Pair("/proc/net/stat/arp_cache", "No such file or directory")));
}

TEST_F(KernelTest, ReadsEveryNamespace) {
  const auto server = Server(PlainServer::Behaviour::kHold, *other_->host);
  const auto connections = Connect(11, server->endpoint());
  Request request;
  request.set_all_namespaces(true);
  const std::vector<v1::KernelSnapshot> snapshots = SnapshotBoth(request);
  const uint64_t web = web_->host->network().Inode().value();
  const uint64_t other = other_->host->network().Inode().value();
  EXPECT_EQ(snapshots[0].namespaces(0).network_namespace(), web);
  EXPECT_EQ(snapshots[1].namespaces(0).network_namespace(), other);
  std::map<uint64_t, const v1::NamespaceStatistics*> seen;
  for (const v1::NamespaceStatistics& one : snapshots[0].namespaces()) {
    EXPECT_TRUE(seen.emplace(one.network_namespace(), &one).second) << "twice";
  }
  ASSERT_TRUE(seen.contains(other));
  EXPECT_EQ(seen[web]->counters().at("Tcp.ActiveOpens"), 11u);
  EXPECT_EQ(seen[other]->counters().at("Tcp.ActiveOpens"), 0u);
  EXPECT_EQ(seen[other]->counters().at("Tcp.PassiveOpens"), 11u);
  EXPECT_EQ(seen[web]->sockets().states().at("ESTAB"), 11u);
  EXPECT_EQ(seen[other]->sockets().peers(0).sockets(), 11u);
  EXPECT_GT(seen[other]->interfaces_size(), 1);
}

TEST_F(KernelTest, WatchesUntilItIsStopped) {
  v1::WatchKernelRequest request;
  request.set_interval_ms(100);
  request.mutable_what()->add_parts(Request::PART_COUNTERS);
  base::Queue<std::pair<size_t, int64_t>> heard(1000);
  std::stop_source stop;
  std::thread watching([&] {
    controller::WatchKernels(
        *fleet_, request,
        [&](size_t member, const absl::StatusOr<v1::KernelSnapshot>& snapshot) {
          EXPECT_THAT(snapshot, IsOk());
          if (snapshot.ok()) heard.Push({member, snapshot->monotonic_ns()});
        },
        stop.get_token());
  });
  std::map<size_t, std::vector<int64_t>> times;
  while (times[0].size() < 4 || times[1].size() < 4) {
    const auto next = heard.PopUntil(base::MonotonicNowNs() + kPatienceNs);
    if (!next) break;
    times[next->first].push_back(next->second);
  }
  stop.request_stop();
  watching.join();
  for (const size_t member : {0, 1}) {
    ASSERT_GE(times[member].size(), 4u);
    EXPECT_TRUE(std::is_sorted(times[member].begin(), times[member].end()));
    EXPECT_GE(times[member][3] - times[member][1], 150'000'000);
  }
}

TEST_F(KernelTest, PicksTheConnectionsItCounts) {
  const auto server = Server(PlainServer::Behaviour::kHold, *other_->host);
  std::vector<sys::UniqueFd> connections = Connect(20, server->endpoint());
  Request request;
  request.add_parts(Request::PART_SOCKETS);
  request.set_owners(true);
  request.add_rest_seconds(0);
  request.add_rest_seconds(3'600);
  request.mutable_pick()->set_filter(
      absl::StrCat("state established dport = :", server->endpoint().port));
  const auto look = [&] {
    return std::move(
        controller::LookAtKernels(*fleet_, [&](size_t) { return request; }, {}).front());
  };
  const auto peer_of = [&](const v1::KernelSnapshot& snapshot) {
    for (const v1::SocketGroup& peer : snapshot.namespaces(0).sockets().peers()) {
      if (peer.peer_port() == server->endpoint().port) return peer;
    }
    return v1::SocketGroup();
  };
  const auto before = look();
  ASSERT_THAT(before, IsOk());
  ASSERT_THAT(before->connections.status, IsOk());
  EXPECT_THAT(before->connections.connections, SizeIs(20));
  for (const sockets::ConnectionSample& one : before->connections.connections) {
    EXPECT_EQ(one.identity.remote, server->endpoint());
    ASSERT_NE(one.identity.process, nullptr);
    EXPECT_EQ(one.identity.process->pid, static_cast<uint32_t>(::getpid()));
  }
  EXPECT_THAT(peer_of(before->snapshot).resting(), ElementsAre(20, 0));

  connections.resize(15);
  for (sys::UniqueFd& one : Connect(7, server->endpoint())) connections.push_back(std::move(one));
  request.mutable_pick()->set_most(10);
  const auto after = look();
  ASSERT_THAT(after, IsOk());
  EXPECT_THAT(after->connections.connections, SizeIs(10));
  EXPECT_GE(after->connections.completeness.dropped(), 1u);
  const v1::SocketGroup first = peer_of(before->snapshot);
  const v1::SocketGroup second = peer_of(after->snapshot);
  EXPECT_THAT(second.connection_hashes(), SizeIs(22));
  std::vector<uint32_t> both;
  std::set_intersection(first.connection_hashes().begin(), first.connection_hashes().end(),
                        second.connection_hashes().begin(), second.connection_hashes().end(),
                        std::back_inserter(both));
  EXPECT_THAT(both, SizeIs(15));
}

TEST_F(KernelTest, LooksAtListenersAlone) {
  const auto server = Server(PlainServer::Behaviour::kHold, *web_->host);
  const auto connections = Connect(3, server->endpoint());
  const v1::SocketSummary all = Sockets();
  const v1::SocketSummary some = Snapshot({Request::PART_LISTENERS}).namespaces(0).sockets();
  EXPECT_TRUE(some.listeners_only());
  EXPECT_FALSE(all.listeners_only());
  ASSERT_EQ(some.listeners_size(), all.listeners_size());
  for (int i = 0; i < all.listeners_size(); ++i) {
    EXPECT_EQ(some.listeners(i).cookie(), all.listeners(i).cookie());
    EXPECT_EQ(some.listeners(i).backlog(), all.listeners(i).backlog());
  }
  EXPECT_TRUE(some.states().empty());
  EXPECT_TRUE(some.peers().empty());
}

TEST_F(KernelTest, RefusesWhatItDoesNotKnow) {
  Request request;
  request.set_top(100'000);
  const auto snapshots = controller::SnapshotKernels(*fleet_, request);
  EXPECT_THAT(snapshots, Each(StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("top: "))));
}

}  // namespace
}  // namespace tcpfleet::tests
