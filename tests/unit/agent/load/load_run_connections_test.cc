// How long connections live and what happens when they end; what is said of single operations and
// targets.
#include <gtest/gtest.h>

#include <algorithm>

#include "common/sys/tcp_listener.h"
#include "common/sys/tcp_socket.h"
#include "tests/support/plain_server.h"
#include "tests/unit/agent/load/run_harness.h"

namespace tcpfleet::agent {
namespace {

using tests::IsOk;
using tests::PlainServer;

using Behaviour = PlainServer::Behaviour;

std::unique_ptr<PlainServer> Serve(Behaviour behaviour) {
  return PlainServer::Create(behaviour).value();
}

TEST(LoadRunConnections, OldOnesAreOpenedAnew) {
  for (const Spec::Workload workload : {Spec::WORKLOAD_HOLD, Spec::WORKLOAD_RR}) {
    Spec spec = ClientSpec(workload, "127.0.0.1", 0);
    spec.set_lifetime_ms(60);
    const auto [client, server] = RunPair(spec);
    ExpectAccountHolds(client);
    const v1::RunCounters& c = client.counters();
    EXPECT_TRUE(c.failed().empty()) << c.ShortDebugString();
    EXPECT_GE(c.reconnects(), 8u);
    EXPECT_LE(c.reconnects(), 8u * 5);
    EXPECT_EQ(c.connections_opened(), 8 + c.reconnects());
    EXPECT_EQ(c.connections_lost(), 0u);
    EXPECT_LE(c.active(), 8u);
  }
}

TEST(LoadRunConnections, HeldOnesThatBreakComeBackAfterTheirPause) {
  const auto server = Serve(Behaviour::kClose);
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, server->endpoint());
  spec.mutable_reconnect()->set_policy(v1::Reconnect::POLICY_BACKOFF);
  spec.mutable_reconnect()->set_first_ms(20);
  spec.mutable_reconnect()->set_most_ms(40);
  const RunEvents events = RunClient(spec);
  ExpectAccountHolds(events);
  const v1::RunCounters& c = events.counters();
  EXPECT_GE(c.reconnects(), 8u);
  // 300 ms, pauses of at least 10 ms.
  EXPECT_LE(c.reconnects(), 8u * 30);
  EXPECT_GE(c.connections_lost(), c.reconnects());
  EXPECT_GE(c.succeeded(), c.reconnects());
}

TEST(LoadRunConnections, FailuresInARowDoubleThePause) {
  const base::Endpoint unused = Serve(Behaviour::kHold)->endpoint();
  Spec spec = ClientSpec(Spec::WORKLOAD_CRR, unused);
  spec.mutable_reconnect()->set_policy(v1::Reconnect::POLICY_BACKOFF);
  spec.mutable_reconnect()->set_first_ms(10);
  spec.mutable_reconnect()->set_most_ms(10'000);
  const RunEvents events = RunClient(spec);
  ExpectAccountHolds(events);
  // Pauses of at least 5, 10, 20, 40, 80 and 160 ms do not fit into the run.
  EXPECT_LE(Failed(events, "refused"), 8u * 6);
  EXPECT_GE(Failed(events, "refused"), 8u * 2);
}

TEST(LoadRunConnections, NoneComesBackWhenTheRunSaysNever) {
  for (const Spec::Workload workload : {Spec::WORKLOAD_HOLD, Spec::WORKLOAD_RR}) {
    const auto server = Serve(Behaviour::kReset);
    Spec spec = ClientSpec(workload, server->endpoint());
    spec.mutable_reconnect()->set_policy(v1::Reconnect::POLICY_NEVER);
    const RunEvents events = RunClient(spec);
    ExpectAccountHolds(events);
    EXPECT_EQ(events.counters().attempted(), 8u);
    EXPECT_EQ(events.counters().reconnects(), 0u);
    EXPECT_EQ(events.counters().active(), 0u);
  }
}

TEST(LoadRunConnections, AllComeBackAfterAReset) {
  for (const Spec::Workload workload : {Spec::WORKLOAD_HOLD, Spec::WORKLOAD_RR}) {
    Spec spec = ClientSpec(workload, "127.0.0.1", 0);
    spec.add_reset_at_ms(200);
    spec.add_reset_at_ms(100);
    spec.set_duration_ms(600);
    const auto [client, server] = RunPair(spec);
    ExpectAccountHolds(client);
    const v1::RunCounters& c = client.counters();
    EXPECT_EQ(c.connections_opened(), 24u);
    EXPECT_EQ(c.reconnects(), 16u);
    EXPECT_EQ(c.active(), 8u);
    EXPECT_EQ(c.connections_lost(), 0u);
    EXPECT_LE(Failed(client, "reset"), 16u);
  }
}

TEST(LoadRunConnections, SilentPeersAreDead) {
  const auto silent = Serve(Behaviour::kHold);
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, silent->endpoint());
  spec.set_heartbeat_ms(30);
  spec.set_dead_after_ms(100);
  spec.set_duration_ms(600);
  const RunEvents dead = RunClient(spec);
  ExpectAccountHolds(dead);
  EXPECT_EQ(dead.counters().connections_dead(), 8u);
  EXPECT_EQ(dead.counters().connections_lost(), 8u);
  EXPECT_EQ(dead.counters().active(), 0u);
  EXPECT_GE(dead.counters().bytes_sent(), 8u);

  const auto echo = Serve(Behaviour::kEcho);
  spec.mutable_targets(0)->set_port(echo->endpoint().port);
  spec.set_dead_after_ms(5'000);
  const RunEvents alive = RunClient(spec);
  ExpectAccountHolds(alive);
  EXPECT_EQ(alive.counters().connections_dead(), 0u);
  EXPECT_EQ(alive.counters().active(), 8u);
  EXPECT_GT(alive.counters().bytes_received(), 0u);
  EXPECT_LE(alive.counters().bytes_sent(), 8u * 20);
}

TEST(LoadRunConnections, ServerFinWaitsForTheServerToCloseFirst) {
  for (const Spec::Workload workload : {Spec::WORKLOAD_CRR, Spec::WORKLOAD_CONNECT}) {
    Spec spec = ClientSpec(workload, "127.0.0.1", 0);
    spec.set_close_mode(Spec::CLOSE_MODE_SERVER_FIN);
    const auto [client, server] = RunPair(spec);
    ExpectAccountHolds(client);
    EXPECT_TRUE(client.counters().failed().empty());
    EXPECT_GT(client.counters().succeeded(), 8u);
    EXPECT_EQ(client.counters().connections_lost(), 0u);
  }
}

TEST(LoadRunConnections, AServerThatDoesNotCloseFirstIsNotWaitedForLonger) {
  const auto server = Serve(Behaviour::kEcho);
  Spec spec = ClientSpec(Spec::WORKLOAD_CRR, server->endpoint());
  spec.set_close_mode(Spec::CLOSE_MODE_SERVER_FIN);
  spec.set_connect_timeout_ms(80);
  const RunEvents events = RunClient(spec);
  ExpectAccountHolds(events);
  EXPECT_GE(events.counters().connections_lost(), 8u);
  EXPECT_LE(events.counters().succeeded(), 8u * 4);
}

TEST(LoadRunConnections, HandshakesThatNeededARetransmittedSynAreToldApart) {
  const sys::UniqueFd listener = sys::ListenTcp(0, /*backlog=*/0).value();
  Spec spec =
      ClientSpec(Spec::WORKLOAD_HOLD, "127.0.0.1", sys::LocalEndpoint(listener.get()).value().port);
  spec.set_connections(1);
  spec.set_threads(1);
  spec.set_exemplars(1);
  spec.set_connect_timeout_ms(10'000);
  spec.set_duration_ms(2'500);
  // A backlog of 0 holds one connection; SYNs beyond it are dropped.
  const RunEvents filler = [&] {
    Spec short_spec = spec;
    short_spec.set_duration_ms(50);
    return RunClient(short_spec);
  }();
  ASSERT_EQ(filler.counters().succeeded(), 1u);
  TestRun client;
  client.Prepare(spec);
  client.Start(InMs(30));
  client.WaitFor([](const RunEvents& events) { return events.progress.size() >= 2; });
  sys::CloseSocket(sys::Accept(listener.get()));
  v1::RunRequest heartbeat;
  heartbeat.mutable_heartbeat();
  client.run().Handle(heartbeat);
  const RunEvents events = client.WaitForEnd();
  ExpectAccountHolds(events);
  ASSERT_EQ(events.counters().succeeded(), 1u);
  EXPECT_EQ(Sum(events, &v1::Progress::connect_latency).count(), 1u);
  const uint64_t one = Sum(events, &v1::Progress::connect_latency_one_retransmit).count();
  const uint64_t more = Sum(events, &v1::Progress::connect_latency_more_retransmits).count();
  EXPECT_EQ(one + more, 1u);
  EXPECT_GE(events.progress.back().exemplars(0).response_ns(), 900'000'000u);
}

TEST(LoadRunConnections, TheSlowestOperationsAreKeptWithTheirConnections) {
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, "127.0.0.1", 0);
  spec.set_exemplars(5);
  const auto [client, server] = RunPair(spec);
  for (size_t i = 0; i + 1 < client.progress.size(); ++i) {
    EXPECT_EQ(client.progress[i].exemplars_size(), 0);
    EXPECT_FALSE(client.progress[i].has_kernel_counters());
  }
  const v1::Progress& last = client.progress.back();
  ASSERT_EQ(last.exemplars_size(), 5);
  const stats::Histogram response = Sum(client, &v1::Progress::response_latency);
  EXPECT_GE(last.exemplars(0).response_ns(), response.max());
  for (int i = 0; i < 5; ++i) {
    const v1::Exemplar& exemplar = last.exemplars(i);
    EXPECT_LE(exemplar.response_ns(), last.exemplars(std::max(0, i - 1)).response_ns());
    EXPECT_EQ(exemplar.service_ns(), exemplar.response_ns());
    EXPECT_FALSE(exemplar.local().empty());
    EXPECT_NE(exemplar.remote(), exemplar.local());
    EXPECT_NE(exemplar.cookie(), 0u);
    EXPECT_GE(exemplar.tcp_info().size(), 104u);
  }
  EXPECT_TRUE(last.has_kernel_counters());
  EXPECT_GT(last.kernel_counters().changes().at("OutSegs"), 0);
  const int64_t measured_ns = last.kernel_counters().end_ns() - last.kernel_counters().begin_ns();
  EXPECT_GT(measured_ns, 0);
}

TEST(LoadRunConnections, TargetsGetTheirWeightAndNumbersOfTheirOwn) {
  const auto heavy = Serve(Behaviour::kEcho);
  const auto light = Serve(Behaviour::kEcho);
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, heavy->endpoint());
  spec.mutable_targets(0)->set_weight(3);
  v1::Target& second = *spec.add_targets();
  second.set_host("127.0.0.1");
  second.set_port(light->endpoint().port);
  spec.set_per_target(true);
  spec.set_warmup_ms(50);
  spec.set_tcp_info_connections(8);
  const RunEvents events = RunClient(spec);
  ExpectAccountHolds(events);
  EXPECT_EQ(heavy->counters().accepted, 6u);
  EXPECT_EQ(light->counters().accepted, 2u);
  uint64_t responses[2] = {};
  uint64_t rtts[2] = {};
  for (const v1::Progress& progress : events.progress) {
    ASSERT_EQ(progress.targets_size(), 2);
    uint64_t attempted = 0;
    for (int i = 0; i < 2; ++i) {
      attempted += progress.targets(i).attempted();
      if (!progress.measured()) continue;
      for (const uint64_t n : progress.targets(i).response_latency().counts()) responses[i] += n;
      for (const uint64_t n : progress.targets(i).rtt_us().counts()) rtts[i] += n;
    }
    EXPECT_EQ(attempted, progress.counters().attempted());
  }
  for (int i = 0; i < 2; ++i) {
    const v1::TargetProgress& target = events.progress.back().targets(i);
    EXPECT_EQ(target.succeeded(), responses[i]);
    EXPECT_GT(target.succeeded(), 0u);
    EXPECT_GE(target.bytes_received(), target.succeeded());
    EXPECT_GT(rtts[i], 0u);
  }
}

}  // namespace
}  // namespace tcpfleet::agent
