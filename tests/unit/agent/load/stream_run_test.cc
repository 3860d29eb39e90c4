// stream against our server and against plain ones.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/eventually.h"
#include "tests/support/plain_server.h"
#include "tests/unit/agent/load/run_harness.h"
#include "tests/unit/agent/load/scripted_server.h"

namespace tcpfleet::agent {
namespace {

using tests::PlainServer;

Spec StreamSpec(Spec::Direction direction) {
  Spec spec = ClientSpec(Spec::WORKLOAD_STREAM, "127.0.0.1", 1);
  spec.set_direction(direction);
  spec.set_connections(4);
  return spec;
}

// What a connection can hold between its two ends: the largest buffers the kernel grows to.
uint64_t MostHeldBytes() {
  uint64_t sum = 0;
  for (const char* path : {"/proc/sys/net/ipv4/tcp_wmem", "/proc/sys/net/ipv4/tcp_rmem"}) {
    std::ifstream file(path);
    uint64_t least = 0;
    uint64_t usual = 0;
    uint64_t most = 0;
    file >> least >> usual >> most;
    sum += most;
  }
  return sum;
}

// Both count what passed in the same time by the same clock; what the sockets held at its two ends,
// and one pump of each thread, is the difference.
void ExpectAgree(uint64_t sent, uint64_t received, uint64_t connections) {
  EXPECT_GT(sent, 0u);
  EXPECT_GT(received, 0u);
  EXPECT_LE(std::max(sent, received) - std::min(sent, received),
            connections * MostHeldBytes() + 4 * (1u << 20));
}

TEST(StreamRun, SendsWhatTheServerReceives) {
  const auto [client, server] = RunPair(StreamSpec(Spec::DIRECTION_SEND));
  ExpectAccountHolds(client);
  EXPECT_EQ(client.counters().attempted(), 4u);
  EXPECT_EQ(client.counters().succeeded(), 4u);
  EXPECT_EQ(client.counters().connections_lost(), 0u);
  EXPECT_EQ(client.counters().bytes_received(), 0u);
  EXPECT_EQ(server.counters().bytes_sent(), 0u);
  ExpectAgree(client.counters().bytes_sent(), server.counters().bytes_received(), 4);
}

TEST(StreamRun, ReceivesWhatTheServerSends) {
  const auto [client, server] = RunPair(StreamSpec(Spec::DIRECTION_RECEIVE));
  ExpectAccountHolds(client);
  EXPECT_EQ(client.counters().bytes_sent(), 0u);
  EXPECT_EQ(server.counters().bytes_received(), 0u);
  ExpectAgree(server.counters().bytes_sent(), client.counters().bytes_received(), 4);
}

TEST(StreamRun, GoesBothWaysAtOnce) {
  Spec spec = StreamSpec(Spec::DIRECTION_BOTH);
  spec.set_write_bytes(1000);
  spec.set_close_mode(Spec::CLOSE_MODE_FIN);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  ExpectAgree(client.counters().bytes_sent(), server.counters().bytes_received(), 4);
  ExpectAgree(server.counters().bytes_sent(), client.counters().bytes_received(), 4);
}

TEST(StreamRun, WritesAsLargeAsAsked) {
  Spec spec = StreamSpec(Spec::DIRECTION_SEND);
  spec.set_write_bytes(16u << 20);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  ExpectAgree(client.counters().bytes_sent(), server.counters().bytes_received(), 4);
}

TEST(StreamRun, KeepsEveryConnectionMoving) {
  Spec spec = StreamSpec(Spec::DIRECTION_SEND);
  spec.set_connections(32);
  spec.set_threads(1);
  spec.set_duration_ms(600);
  spec.set_tcp_info_connections(32);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  EXPECT_EQ(client.counters().succeeded(), 32u);
  // Reports were made in time although all connections were always ready.
  EXPECT_GE(client.progress.size(), 4u);
  EXPECT_GE(server.progress.size(), 4u);
}

// 300 ms of 10 MB/s; beyond that every thread may overdraw by one write.
void ExpectHeldBack(uint64_t bytes) {
  EXPECT_GT(bytes, 0u);
  EXPECT_LE(bytes, 10'000'000u / 2);
}

TEST(StreamRun, KeepsToTheBitsPerSecondOfTheHost) {
  AgentLoadLimits limits;
  limits.max_bits_per_second = {80e6, "--max-bits-per-second"};
  for (const Spec::Direction direction : {Spec::DIRECTION_SEND, Spec::DIRECTION_RECEIVE}) {
    Spec spec = StreamSpec(direction);
    TestRun server(limits);
    spec.set_role(Spec::ROLE_SERVER);
    server.Prepare(spec);
    spec.set_role(Spec::ROLE_CLIENT);
    spec.mutable_targets(0)->set_port(
        server.WaitFor([](const RunEvents&) { return true; }).prepared->listen_port());
    TestRun client(limits);
    client.Prepare(spec);
    const int64_t start_ns = InMs(100);
    server.Start(start_ns);
    client.Start(start_ns);
    const RunEvents sent = client.WaitForEnd();
    const RunEvents served = server.WaitForEnd();
    ExpectAccountHolds(sent);
    ExpectHeldBack(direction == Spec::DIRECTION_SEND ? sent.counters().bytes_sent()
                                                     : served.counters().bytes_sent());
  }
}

TEST(StreamRun, SendsToAnyServerThatReads) {
  const auto server = PlainServer::Create(PlainServer::Behaviour::kHold).value();
  Spec spec = StreamSpec(Spec::DIRECTION_SEND);
  spec.clear_targets();
  v1::Target& target = *spec.add_targets();
  target.set_host("127.0.0.1");
  target.set_port(server->endpoint().port);
  spec.set_close_mode(Spec::CLOSE_MODE_FIN);
  const RunEvents events = RunClient(spec);
  ExpectAccountHolds(events);
  EXPECT_EQ(events.counters().succeeded(), 4u);
  // Closed in order: all that was sent arrives.
  EXPECT_TRUE(tests::EventuallyTrue([&] { return server->counters().open() == 0; }));
  EXPECT_EQ(server->counters().received_bytes, events.counters().bytes_sent());
}

TEST(StreamRun, LosesConnectionsTheServerEnds) {
  const auto server = PlainServer::Create(PlainServer::Behaviour::kReset).value();
  Spec spec = StreamSpec(Spec::DIRECTION_BOTH);
  spec.mutable_targets(0)->set_port(server->endpoint().port);
  const RunEvents events = RunClient(spec);
  ExpectAccountHolds(events);
  EXPECT_GT(events.counters().connections_lost(), 0u);
  EXPECT_EQ(events.counters().active(), 0u);
}

TEST(StreamRun, ReceivesAllThatCameBeforeTheEnd) {
  const ScriptedServer server({.request_end = std::string(1, '\0'),
                               .parts = {std::string(3'000'000, 'x')},
                               .then = ScriptedServer::Then::kClose});
  Spec spec = StreamSpec(Spec::DIRECTION_BOTH);
  spec.set_connections(1);
  spec.set_write_bytes(1);
  spec.mutable_targets(0)->set_port(server.endpoint().port);
  const RunEvents events = RunClient(spec);
  ExpectAccountHolds(events);
  EXPECT_GT(events.counters().bytes_received(), 0u);
  EXPECT_EQ(events.counters().connections_lost(), 1u);
}

}  // namespace
}  // namespace tcpfleet::agent
