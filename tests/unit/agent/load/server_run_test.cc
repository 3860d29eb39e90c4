// Our server's behaviours as clients meet them.
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <vector>

#include "common/sys/socket_address.h"
#include "common/sys/tcp_socket.h"
#include "common/sys/unique_fd.h"
#include "tests/support/network_lab.h"
#include "tests/unit/agent/load/run_harness.h"

namespace tcpfleet::agent {
namespace {

// A pair's spec; the target's port is the server's.
Spec PairSpec(Spec::Workload workload) { return ClientSpec(workload, "127.0.0.1", 1); }

uint64_t FailedAs(const RunEvents& events, const char* name) {
  const auto found = events.counters().failed().find(name);
  return found == events.counters().failed().end() ? 0 : found->second;
}

uint64_t ShortestResponseNs(const RunEvents& events) {
  uint64_t shortest = ~uint64_t{0};
  for (const v1::Progress& progress : events.progress) {
    if (progress.response_latency().has_min()) {
      shortest = std::min(shortest, progress.response_latency().min());
    }
  }
  return shortest;
}

// Sockets in TIME_WAIT by which end has `port`.
struct TimeWaits {
  int local = 0;
  int remote = 0;
};

TimeWaits CountTimeWaits(uint32_t port) {
  TimeWaits counted;
  for (const char* path : {"/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"}) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      uint32_t local = 0;
      uint32_t remote = 0;
      uint32_t state = 0;
      if (std::sscanf(line.c_str(), " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%x %x", &local, &remote,
                      &state) != 3 ||
          state != 6) {
        continue;
      }
      counted.local += local == port ? 1 : 0;
      counted.remote += remote == port ? 1 : 0;
    }
  }
  return counted;
}

TEST(ServerRun, AcceptsSlowly) {
  Spec spec = PairSpec(Spec::WORKLOAD_CONNECT);
  spec.mutable_behavior()->set_accept_delay_ms(50);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  // Per thread one every 50 ms; at the end the queue is emptied, which is counted too.
  EXPECT_GT(client.counters().succeeded(), 0u);
  EXPECT_LE(server.counters().active(), 2u * 7u);
}

TEST(ServerRun, NeverReadsWithZeroWindow) {
  Spec spec = PairSpec(Spec::WORKLOAD_STREAM);
  spec.set_direction(Spec::DIRECTION_SEND);
  spec.mutable_behavior()->set_zero_window(true);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  EXPECT_EQ(client.counters().succeeded(), 8u);
  EXPECT_GT(client.counters().bytes_sent(), 0u);
  EXPECT_EQ(server.counters().bytes_received(), 0u);
  // Nothing moves any more once the buffers are full.
  const auto& progress = client.progress;
  ASSERT_GE(progress.size(), 2u);
  EXPECT_EQ(progress[progress.size() - 2].counters().bytes_sent(), client.counters().bytes_sent());
}

TEST(ServerRun, RepliesLate) {
  Spec spec = PairSpec(Spec::WORKLOAD_RR);
  spec.mutable_behavior()->set_reply_delay_ms(50);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  EXPECT_TRUE(client.counters().failed().empty());
  EXPECT_GT(client.counters().succeeded(), 0u);
  EXPECT_LE(client.counters().succeeded(), 8u * 6u);
  EXPECT_GE(ShortestResponseNs(client), 50'000'000u);
}

TEST(ServerRun, RepliesLateToEachOfManyPipelinedRequests) {
  Spec spec = PairSpec(Spec::WORKLOAD_RR);
  spec.set_connections(2);
  spec.set_pipeline(200);  // more than may wait for their replies at once
  spec.mutable_behavior()->set_reply_delay_ms(20);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  EXPECT_TRUE(client.counters().failed().empty());
  EXPECT_GT(client.counters().succeeded(), 400u);
  EXPECT_GE(ShortestResponseNs(client), 20'000'000u);
}

TEST(ServerRun, StaysSilent) {
  Spec spec = PairSpec(Spec::WORKLOAD_RR);
  spec.mutable_behavior()->set_silent(true);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  EXPECT_EQ(client.counters().cancelled(), 8u);
  EXPECT_EQ(server.counters().bytes_received(), 8u);
  EXPECT_EQ(server.counters().bytes_sent(), 0u);
}

TEST(ServerRun, ResetsInPlaceOfTheNthAnswer) {
  Spec spec = PairSpec(Spec::WORKLOAD_RR);
  spec.mutable_behavior()->set_reset_after_requests(3);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  const uint64_t resets = FailedAs(client, "reset");
  EXPECT_GT(resets, 0u);
  EXPECT_EQ(client.counters().failed().size(), 1u);
  EXPECT_GE(client.counters().succeeded(), 2 * resets);
  EXPECT_LE(client.counters().succeeded(), 2 * (resets + 8));
}

TEST(ServerRun, ResetsAllConnectionsAtTheGivenTime) {
  Spec spec = PairSpec(Spec::WORKLOAD_HOLD);
  spec.mutable_behavior()->add_reset_at_ms(150);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  EXPECT_EQ(client.counters().succeeded(), 8u);
  EXPECT_EQ(client.counters().connections_lost(), 8u);
  EXPECT_EQ(server.counters().active(), 0u);
}

TEST(ServerRun, ReturnsHeartbeats) {
  Spec spec = PairSpec(Spec::WORKLOAD_HOLD);
  spec.set_heartbeat_ms(40);
  spec.set_dead_after_ms(5'000);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  EXPECT_GE(server.counters().bytes_received(), 8u);
  EXPECT_EQ(server.counters().bytes_sent(), server.counters().bytes_received());
  EXPECT_EQ(client.counters().connections_lost(), 0u);
}

TEST(ServerRun, SilentHeartbeatPeersAreDead) {
  Spec spec = PairSpec(Spec::WORKLOAD_HOLD);
  spec.set_heartbeat_ms(40);
  spec.set_dead_after_ms(100);
  spec.mutable_behavior()->set_silent(true);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  EXPECT_EQ(client.counters().connections_dead(), 8u);
}

// In a network namespace without other connections.
class ServerFin : public tests::NetworkLabTest,
                  public testing::WithParamInterface<Spec::Workload> {};

TEST_P(ServerFin, LeavesTimeWaitAtTheServer) {
  Spec spec = PairSpec(GetParam());
  spec.set_close_mode(Spec::CLOSE_MODE_SERVER_FIN);
  spec.set_rate_per_second(1000);
  PairEvents events;
  TimeWaits waits;
  ASSERT_THAT(AddHost("both").Run([&] {
    events = RunPair(spec);
    waits = CountTimeWaits(events.server.prepared->listen_port());
    return absl::OkStatus();
  }),
              tests::IsOk());
  const v1::RunCounters& counters = events.client.counters();
  ExpectAccountHolds(events.client);
  EXPECT_TRUE(counters.failed().empty()) << counters.ShortDebugString();
  EXPECT_GT(counters.succeeded(), 8u);
  EXPECT_EQ(counters.connections_lost(), 0u);
  EXPECT_GT(waits.local, 0);
  // Connections that the end of the run finds open are closed by the client.
  EXPECT_LE(waits.remote, 8);
}

INSTANTIATE_TEST_SUITE_P(Workloads, ServerFin,
                         testing::Values(Spec::WORKLOAD_CONNECT, Spec::WORKLOAD_CRR));

TEST(ServerRun, LogsWantOfDescriptorsOncePerSecond) {
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, "127.0.0.1", 0);
  spec.set_role(Spec::ROLE_SERVER);
  TestRun server;
  server.Prepare(spec);
  const auto port = static_cast<uint16_t>(
      server.WaitFor([](const RunEvents&) { return true; }).prepared->listen_port());
  std::vector<sys::UniqueFd> peers(16);
  for (sys::UniqueFd& peer : peers) peer.Reset(sys::NewTcpSocket(AF_INET));
  std::ostringstream log;
  const auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(log);
  spdlog::default_logger()->sinks().push_back(sink);
  // UBSan examines the first use of a logger through a pipe, which takes descriptors.
  spdlog::warn("descriptors run out on purpose now");
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(sys::UniqueFd(::dup(0)).get());
  ::setrlimit(RLIMIT_NOFILE, &none);
  for (const sys::UniqueFd& peer : peers) {
    sys::Connect(peer.get(), sys::ToSocketAddress({base::IpAddress::V4({127, 0, 0, 1}), port}));
  }
  server.Start(InMs(100));
  const RunEvents served = server.WaitForEnd();
  ::setrlimit(RLIMIT_NOFILE, &before);
  spdlog::default_logger()->sinks().pop_back();
  EXPECT_GT(served.counters().accept_failed().at("localFd"), 1u);
  EXPECT_EQ(served.counters().connections_accepted(), 0u);
  const std::string text = log.str();
  const size_t first = text.find("cannot accept");
  EXPECT_NE(first, std::string::npos) << text;
  EXPECT_EQ(text.find("cannot accept", first + 1), std::string::npos) << text;
}

}  // namespace
}  // namespace tcpfleet::agent
