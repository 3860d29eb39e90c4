#include "agent/kernel/socket_counts.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/unit/agent/kernel/diag_sockets.h"

namespace tcpfleet::agent {
namespace {

using netlink::InetDiagSocket;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr uint8_t kEstablished = 1;
constexpr uint8_t kSynRecv = 3;
constexpr uint8_t kTimeWait = 6;
constexpr uint8_t kListen = 10;
constexpr uint8_t kBoundInactive = 13;

InetDiagSocket SocketOf(uint8_t state, const std::string& local, const std::string& remote,
                        uint32_t inode = 0) {
  InetDiagSocket socket;
  socket.state = state;
  socket.local = base::ParseEndpoint(local).value();
  if (!remote.empty()) socket.remote = base::ParseEndpoint(remote).value();
  socket.inode = inode;
  return socket;
}

InetDiagSocket ListenerOf(const std::string& local, uint32_t queue, uint32_t backlog,
                          uint32_t inode = 0) {
  InetDiagSocket socket = SocketOf(kListen, local, "", inode);
  socket.receive_queue = queue;
  socket.send_queue = backlog;
  return socket;
}

SocketCounts::Ports PortsOf(uint16_t first, uint16_t last, std::initializer_list<size_t> reserved) {
  SocketCounts::Ports ports{{first, last}, {}};
  for (const size_t port : reserved) ports.reserved.set(port);
  return ports;
}

std::shared_ptr<const sockets::Process> ProcessOfPid(uint32_t pid) {
  return std::make_shared<sockets::Process>(
      sockets::Process{pid, 7, absl::StrCat("p", pid), absl::StrCat("p", pid, " -x")});
}

std::map<std::string, uint64_t> StatesOf(const v1::SocketGroup& group) {
  return {group.states().begin(), group.states().end()};
}

class SocketCountsTest : public testing::Test {
 protected:
  SocketCounts NewCounts(bool owners = false) {
    return SocketCounts(PortsOf(40000, 40009, {40005}), {.owners = owners}, &budget_);
  }
  // Inodes below 100 have no owner; those of one hundred belong to one process.
  static v1::SocketSummary Finish(SocketCounts& counts, size_t top = 20) {
    v1::SocketSummary summary;
    counts.Finish(
        top, [](uint32_t inode) { return inode < 100 ? nullptr : ProcessOfPid(inode / 100); },
        summary);
    return summary;
  }
  SocketBudget budget_;
};

TEST_F(SocketCountsTest, CountsStates) {
  SocketCounts counts = NewCounts();
  counts.AddListener(ListenerOf("0.0.0.0:80", 0, 128));
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40001", "10.0.0.2:443"));
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40002", "10.0.0.2:443"));
  counts.Add(SocketOf(200, "10.0.0.1:40003", "10.0.0.2:443"));
  const v1::SocketSummary summary = Finish(counts);
  const std::map<std::string, uint64_t> states(summary.states().begin(), summary.states().end());
  EXPECT_THAT(states, ElementsAre(Pair("ESTAB", 2), Pair("LISTEN", 1), Pair("UNKNOWN", 1)));
}

TEST_F(SocketCountsTest, SendsTheFullestListenerFirst) {
  SocketCounts counts = NewCounts();
  counts.AddListener(ListenerOf("0.0.0.0:80", 10, 4096));
  counts.AddListener(ListenerOf("[::]:81", 5, 4));
  counts.AddListener(ListenerOf("127.0.0.1:82", 0, 0));
  const v1::SocketSummary summary = Finish(counts);
  ASSERT_EQ(summary.listeners_size(), 3);
  EXPECT_EQ(summary.listeners(0).port(), 81u);
  EXPECT_EQ(summary.listeners(0).address(), "::");
  EXPECT_EQ(summary.listeners(0).accept_queue(), 5u);
  EXPECT_EQ(summary.listeners(0).backlog(), 4u);
  EXPECT_EQ(summary.listeners(1).port(), 80u);
  EXPECT_EQ(summary.listeners_dropped(), 0u);
}

TEST_F(SocketCountsTest, BoundsListeners) {
  SocketCounts counts = NewCounts();
  for (size_t i = 0; i < kMostListenersSent + 3; ++i) {
    counts.AddListener(ListenerOf(absl::StrCat("127.0.0.1:", i + 1), 0, 1));
  }
  const v1::SocketSummary summary = Finish(counts);
  EXPECT_EQ(static_cast<size_t>(summary.listeners_size()), kMostListenersSent);
  EXPECT_EQ(summary.listeners_dropped(), 3u);
}

TEST_F(SocketCountsTest, GivesHandshakesToTheListenerThatHearsThem) {
  SocketCounts counts = NewCounts();
  counts.AddListener(ListenerOf("10.0.0.1:80", 0, 1));
  counts.AddListener(ListenerOf("0.0.0.0:80", 0, 2));
  counts.AddListener(ListenerOf("[::]:81", 0, 3));
  counts.AddListener(ListenerOf("[::]:81", 0, 4));  // SO_REUSEPORT
  const auto shake = [&](const std::string& local, uint8_t retransmits) {
    InetDiagSocket socket = SocketOf(kSynRecv, local, "10.0.0.9:5");
    socket.timer_retransmits = retransmits;
    counts.Add(socket);
  };
  shake("10.0.0.1:80", 0);
  shake("10.0.0.2:80", 1);
  shake("10.0.0.2:80", 2);
  shake("[::ffff:10.0.0.3]:81", 5);
  shake("10.0.0.3:82", 5);
  std::map<uint32_t, std::pair<uint32_t, uint32_t>> by_backlog;
  const v1::SocketSummary summary = Finish(counts);
  for (const v1::Listener& listener : summary.listeners()) {
    by_backlog[listener.backlog()] = {listener.syn_recv(), listener.syn_recv_retransmitted()};
  }
  EXPECT_THAT(by_backlog, ElementsAre(Pair(1, Pair(1, 0)), Pair(2, Pair(2, 1)), Pair(3, Pair(1, 1)),
                                      Pair(4, Pair(1, 1))));
}

TEST_F(SocketCountsTest, GroupsByLocalPortAndPeer) {
  SocketCounts counts = NewCounts();
  counts.AddListener(ListenerOf("0.0.0.0:80", 0, 128));
  for (int i = 0; i < 3; ++i) {
    counts.Add(SocketOf(kEstablished, "10.0.0.1:80", absl::StrCat("10.0.0.9:", 1000 + i)));
  }
  counts.Add(SocketOf(kTimeWait, "10.0.0.1:80", "10.0.0.9:999"));
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40001", "10.0.0.2:443"));
  counts.Add(SocketOf(kEstablished, "[::ffff:10.0.0.1]:40002", "[::ffff:10.0.0.2]:443"));
  const v1::SocketSummary summary = Finish(counts);

  ASSERT_EQ(summary.local_ports_size(), 3);
  EXPECT_EQ(summary.local_ports(0).local_port(), 80u);
  EXPECT_EQ(summary.local_ports(0).sockets(), 4u);
  EXPECT_THAT(StatesOf(summary.local_ports(0)),
              ElementsAre(Pair("ESTAB", 3), Pair("TIME-WAIT", 1)));

  ASSERT_EQ(summary.peers_size(), 2);
  EXPECT_EQ(summary.peers(0).peer_address(), "10.0.0.9");
  EXPECT_FALSE(summary.peers(0).has_peer_port());  // of those that came in it says nothing
  EXPECT_EQ(summary.peers(0).sockets(), 4u);
  EXPECT_EQ(summary.peers(1).peer_address(), "10.0.0.2");
  EXPECT_EQ(summary.peers(1).peer_port(), 443u);
  EXPECT_EQ(summary.peers(1).sockets(), 2u);
}

TEST_F(SocketCountsTest, SendsTheLargestGroupsOnly) {
  SocketCounts counts = NewCounts();
  for (int peer = 1; peer <= 5; ++peer) {
    for (int i = 0; i < peer; ++i) {
      counts.Add(SocketOf(kEstablished, absl::StrCat("10.0.0.1:", 41000 + 10 * peer + i),
                          absl::StrCat("10.0.1.", peer, ":443")));
    }
  }
  const v1::SocketSummary summary = Finish(counts, 2);
  ASSERT_EQ(summary.peers_size(), 2);
  EXPECT_EQ(summary.peers(0).peer_address(), "10.0.1.5");
  EXPECT_EQ(summary.peers(1).peer_address(), "10.0.1.4");
  EXPECT_EQ(summary.local_ports_size(), 2);
}

TEST_F(SocketCountsTest, TellsTimeWaitByTuple) {
  SocketCounts counts = NewCounts();
  counts.AddListener(ListenerOf("0.0.0.0:80", 0, 128));
  for (const char* local : {"10.0.0.1:40001", "10.0.0.1:40002"}) {
    counts.Add(SocketOf(kTimeWait, local, "10.0.0.2:443"));
  }
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40003", "10.0.0.2:443"));
  counts.Add(SocketOf(kTimeWait, "10.0.0.1:80", "10.0.0.9:999"));
  const v1::SocketSummary summary = Finish(counts);
  ASSERT_EQ(summary.time_wait_size(), 2);
  const v1::SocketGroup& out = summary.time_wait(0);
  EXPECT_EQ(out.local_address(), "10.0.0.1");
  EXPECT_EQ(out.peer_address(), "10.0.0.2");
  EXPECT_EQ(out.peer_port(), 443u);
  EXPECT_EQ(out.sockets(), 2u);
  EXPECT_THAT(StatesOf(out), ElementsAre(Pair("TIME-WAIT", 2)));
  const v1::SocketGroup& in = summary.time_wait(1);
  EXPECT_EQ(in.local_port(), 80u);
  EXPECT_FALSE(in.has_peer_port());
}

TEST_F(SocketCountsTest, CountsPortsTowardsADestination) {
  SocketCounts counts = NewCounts();
  counts.AddListener(ListenerOf("0.0.0.0:40009", 0, 128));
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40001", "10.0.0.2:443"));
  counts.Add(SocketOf(kTimeWait, "10.0.0.1:40002", "10.0.0.2:443"));
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40005", "10.0.0.2:443"));  // reserved
  counts.Add(SocketOf(kEstablished, "10.0.0.1:50000", "10.0.0.2:443"));  // beyond the range
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40001", "10.0.0.3:443"));
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40009", "10.0.0.3:1234"));  // came in
  counts.Add(SocketOf(kBoundInactive, "10.0.0.1:40007", ""));
  const v1::SocketSummary summary = Finish(counts);
  ASSERT_EQ(summary.port_use_size(), 2);
  const v1::PortUse& use = summary.port_use(0);
  EXPECT_EQ(use.local_address(), "10.0.0.1");
  EXPECT_EQ(use.peer_address(), "10.0.0.2");
  EXPECT_EQ(use.peer_port(), 443u);
  EXPECT_EQ(use.used(), 2u);
  EXPECT_EQ(use.usable(), 9u);
  EXPECT_EQ(use.time_wait(), 1u);
  EXPECT_FALSE(use.has_owner());
  EXPECT_EQ(summary.port_use(1).peer_address(), "10.0.0.3");
  EXPECT_EQ(summary.port_range_low(), 40000u);
  EXPECT_EQ(summary.port_range_high(), 40009u);
  EXPECT_EQ(summary.ports_reserved(), 1u);
  EXPECT_EQ(summary.ports_in_use(), 4u);  // 40001, 40002, 40007, 40009
}

TEST_F(SocketCountsTest, CountsListenersAndTheirAcceptQueuesOnly) {
  SocketCounts counts(PortsOf(40000, 40009, {}), {.listeners_only = true}, &budget_);
  counts.AddListener(ListenerOf("0.0.0.0:80", 3, 128));
  const v1::SocketSummary summary = Finish(counts);
  EXPECT_TRUE(summary.listeners_only());
  ASSERT_EQ(summary.listeners_size(), 1);
  EXPECT_EQ(summary.listeners(0).accept_queue(), 3u);
  EXPECT_FALSE(summary.listeners(0).has_syn_recv());
  EXPECT_THAT(summary.states(), IsEmpty());
  EXPECT_THAT(summary.local_ports(), IsEmpty());
  EXPECT_FALSE(summary.has_port_range_low());
}

TEST_F(SocketCountsTest, CountsWhatRestsByPeer) {
  SocketCounts counts(std::nullopt, {.rest_seconds = {30}}, &budget_);
  RestingSocket resting(1, 31'000, 31'000);
  (*resting).local = base::ParseEndpoint("10.0.0.1:40001").value();
  (*resting).remote = base::ParseEndpoint("10.0.0.2:443").value();
  RestingSocket busy(2, 1, 31'000);
  (*busy).local = base::ParseEndpoint("10.0.0.3:40001").value();
  (*busy).remote = base::ParseEndpoint("10.0.0.2:443").value();
  counts.Add(*resting);
  counts.Add(*busy);
  counts.Add(SocketOf(kTimeWait, "10.0.0.1:40002", "10.0.0.2:443"));
  const v1::SocketSummary summary = Finish(counts);
  ASSERT_EQ(summary.peers_size(), 1);
  EXPECT_THAT(summary.rest_seconds(), ElementsAre(30));
  EXPECT_THAT(summary.peers(0).resting(), ElementsAre(1));
  EXPECT_EQ(summary.peers(0).connection_hashes_size(), 2);
}

TEST_F(SocketCountsTest, DoesNotGuessTheRange) {
  SocketCounts counts(std::nullopt, {}, &budget_);
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40001", "10.0.0.2:443"));
  const v1::SocketSummary summary = Finish(counts);
  EXPECT_FALSE(summary.has_port_range_low());
  EXPECT_EQ(summary.port_use_size(), 0);
  EXPECT_EQ(summary.peers_size(), 1);
}

TEST_F(SocketCountsTest, NamesOwners) {
  SocketCounts counts = NewCounts(true);
  counts.AddListener(ListenerOf("0.0.0.0:80", 0, 128, 701));
  counts.AddListener(ListenerOf("0.0.0.0:81", 0, 128, 1));
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40001", "10.0.0.2:443", 801));
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40002", "10.0.0.2:443", 802));
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40003", "10.0.0.2:443", 901));
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40004", "10.0.0.2:443", 2));
  counts.Add(SocketOf(kTimeWait, "10.0.0.1:40006", "10.0.0.2:443"));
  EXPECT_THAT(counts.Inodes(), ElementsAre(701, 1, 801, 802, 901, 2));
  const v1::SocketSummary summary = Finish(counts);
  EXPECT_EQ(summary.listeners(0).owner().comm(), "p7");
  EXPECT_FALSE(summary.listeners(1).has_owner());
  ASSERT_EQ(summary.processes_size(), 2);
  EXPECT_EQ(summary.processes(0).owner().pid(), 8u);
  EXPECT_EQ(summary.processes(0).sockets(), 2u);
  EXPECT_EQ(summary.processes(1).owner().pid(), 9u);
  EXPECT_EQ(summary.port_use(0).owner().pid(), 8u);
  EXPECT_EQ(summary.peers(0).owner().pid(), 8u);  // it has most of them
  EXPECT_EQ(summary.unattributed(), 2u);
}

TEST_F(SocketCountsTest, AsksForNoOwnersUnlessWanted) {
  SocketCounts counts = NewCounts(false);
  counts.AddListener(ListenerOf("0.0.0.0:80", 0, 128, 701));
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40001", "10.0.0.2:443", 801));
  EXPECT_THAT(counts.Inodes(), IsEmpty());
  const v1::SocketSummary summary = Finish(counts);
  EXPECT_EQ(summary.processes_size(), 0);
  EXPECT_EQ(summary.unattributed(), 0u);
}

TEST_F(SocketCountsTest, CountsWhatIsBeyondItsBounds) {
  budget_.groups = 1;
  budget_.listeners = 0;
  SocketCounts counts = NewCounts();
  counts.AddListener(ListenerOf("0.0.0.0:80", 0, 128));
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40001", "10.0.0.2:443"));
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40002", "10.0.0.2:443"));
  counts.Add(SocketOf(kEstablished, "10.0.0.1:40003", "10.0.0.3:443"));
  EXPECT_EQ(counts.beyond_bounds(), 1u);
  const v1::SocketSummary summary = Finish(counts);
  EXPECT_EQ(summary.states().at("ESTAB"), 3u);
  EXPECT_EQ(summary.peers_size(), 1);
  EXPECT_EQ(summary.listeners_size(), 0);
  EXPECT_EQ(summary.listeners_dropped(), 1u);
}

}  // namespace
}  // namespace tcpfleet::agent
