#include "agent/load/load_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "common/base/clock.h"
#include "common/sockets/frame_decoder.h"
#include "tests/unit/agent/load/run_harness.h"

namespace tcpfleet::agent {
namespace {

using tests::IsOk;

class EveryWorkload
    : public testing::TestWithParam<std::tuple<Spec::Workload, Spec::CloseMode, uint32_t>> {};

TEST_P(EveryWorkload, AccountsForEveryOperationOnBothSides) {
  const auto [workload, close_mode, threads] = GetParam();
  Spec spec = ClientSpec(workload, "127.0.0.1", 0);
  spec.set_close_mode(close_mode);
  spec.set_threads(threads);
  spec.set_warmup_ms(100);
  const auto [client, server] = RunPair(spec);
  ASSERT_THAT(*client.done, IsOk());
  ASSERT_THAT(*server.done, IsOk());
  ExpectAccountHolds(client);
  ExpectAccountHolds(server);
  EXPECT_EQ(client.finished->cause(), v1::Finished::CAUSE_DONE);
  EXPECT_EQ(server.finished->cause(), v1::Finished::CAUSE_DONE);
  EXPECT_EQ(client.prepared->threads(), threads);

  const v1::RunCounters& c = client.counters();
  EXPECT_TRUE(c.failed().empty()) << c.ShortDebugString();
  EXPECT_GT(c.connections_opened(), 0u);
  // What was under way at the end may have been accepted without the client seeing it open.
  EXPECT_GE(server.counters().connections_accepted(), c.connections_opened());
  EXPECT_LE(server.counters().connections_accepted(), c.connections_opened() + c.cancelled());
  EXPECT_TRUE(server.counters().accept_failed().empty());
  EXPECT_TRUE(client.progress.back().measured());
  EXPECT_DOUBLE_EQ(c.measured_seconds(), 0.3);
  EXPECT_GE(c.cpu_seconds(), 0);
  EXPECT_LT(c.cpu_seconds(), 0.35 * threads);

  const uint64_t responses = Sum(client, &v1::Progress::response_latency).count();
  if (workload == Spec::WORKLOAD_CRR || workload == Spec::WORKLOAD_RR) {
    EXPECT_EQ(responses, c.succeeded());
    EXPECT_LE(c.bytes_received(), c.succeeded() + 8);
  } else {
    EXPECT_EQ(responses, 0u);
  }
  if (workload == Spec::WORKLOAD_HOLD || workload == Spec::WORKLOAD_RR) {
    EXPECT_EQ(c.active(), 8u);
    EXPECT_EQ(c.connections_opened(), 8u);
    EXPECT_EQ(c.connections_lost(), 0u);
  } else {
    EXPECT_GE(c.connections_opened(), c.succeeded());
    const uint64_t connects = Sum(client, &v1::Progress::connect_latency).count();
    EXPECT_GE(connects, c.succeeded() - std::min<uint64_t>(8, c.succeeded()));
    EXPECT_LE(connects, c.succeeded() + 8);
  }
}

std::string NameOf(const testing::TestParamInfo<EveryWorkload::ParamType>& info) {
  const auto [workload, close_mode, threads] = info.param;
  return Spec::Workload_Name(workload) + (close_mode == Spec::CLOSE_MODE_RST ? "_RST_" : "_FIN_") +
         std::to_string(threads);
}

INSTANTIATE_TEST_SUITE_P(
    LoadRun, EveryWorkload,
    testing::Combine(testing::Values(Spec::WORKLOAD_CONNECT, Spec::WORKLOAD_CRR, Spec::WORKLOAD_RR,
                                     Spec::WORKLOAD_HOLD),
                     testing::Values(Spec::CLOSE_MODE_RST, Spec::CLOSE_MODE_FIN),
                     testing::Values(1u, 2u)),
    NameOf);

TEST(LoadRun, HoldOpensEachConnectionOnceAndKeepsIt) {
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, "127.0.0.1", 0);
  spec.set_connections(300);
  spec.set_duration_ms(800);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  EXPECT_EQ(client.counters().attempted(), 300u);
  EXPECT_EQ(client.counters().succeeded(), 300u);
  EXPECT_EQ(client.counters().active(), 300u);
  EXPECT_EQ(Sum(client, &v1::Progress::connect_latency).count(), 300u);
  // Towards the end some may be gone already: the client's clock counts, not the server's.
  uint64_t most = 0;
  for (const v1::Progress& progress : server.progress) {
    most = std::max(most, progress.counters().active());
  }
  EXPECT_EQ(most, 300u);
}

TEST(LoadRun, KeepsTheRateAndSplitsItOverThreads) {
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, "127.0.0.1", 0);
  spec.set_rate_per_second(1000);
  spec.set_duration_ms(500);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  // Whatever was due is accounted for, however slow this machine is.
  EXPECT_EQ(client.counters().attempted(), 500u);
  EXPECT_GE(client.counters().succeeded(), 10u);
}

TEST(LoadRun, RampsHeldConnectionsByTheRate) {
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, "127.0.0.1", 0);
  spec.set_rate_per_second(200);
  spec.set_connections(1000);
  const auto [client, server] = RunPair(spec);
  EXPECT_LE(client.counters().active(), 61u);
  EXPECT_GE(client.counters().active(), 1u);
}

TEST(LoadRun, MovesLargeRequestsAndResponsesWhole) {
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, "127.0.0.1", 0);
  spec.set_request_bytes(1 << 20);
  spec.set_response_bytes(700'001);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  const v1::RunCounters& c = client.counters();
  EXPECT_TRUE(c.failed().empty());
  EXPECT_GT(c.succeeded(), 0u);
  EXPECT_GE(c.bytes_sent(), c.succeeded() << 20);
  EXPECT_GE(c.bytes_received(), c.succeeded() * 700'001);
}

// What stays open is what is measured: it counts whenever it was opened, the time it took does not.
TEST(LoadRun, ConnectionsHeldSinceTheWarmUpCount) {
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, "127.0.0.1", 0);
  spec.set_warmup_ms(200);
  spec.set_duration_ms(200);
  const auto [client, server] = RunPair(spec);
  EXPECT_FALSE(client.progress.front().measured());
  EXPECT_EQ(client.progress.front().counters().succeeded(), 8u);
  EXPECT_TRUE(client.progress.back().measured());
  EXPECT_EQ(client.counters().attempted(), 8u);
  EXPECT_EQ(client.counters().succeeded(), 8u);
  EXPECT_EQ(client.counters().connections_opened(), 8u);
  EXPECT_EQ(client.counters().active(), 8u);
  ExpectAccountHolds(client);
  EXPECT_EQ(Sum(client, &v1::Progress::connect_latency).count(), 0u);
}

TEST(LoadRun, ReportsOptionsInForceAndTheFirstConnect) {
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, "127.0.0.1", 0);
  spec.mutable_socket_options()->set_no_delay(true);
  spec.mutable_socket_options()->set_keepalive(true);
  spec.mutable_socket_options()->set_keepalive_idle_seconds(11);
  spec.mutable_socket_options()->set_keepalive_interval_seconds(7);
  spec.mutable_socket_options()->set_keepalive_probes(4);
  const int64_t before_ns = base::MonotonicNowNs();
  const auto [client, server] = RunPair(spec);
  ASSERT_TRUE(client.started);
  ASSERT_TRUE(server.started);
  EXPECT_FALSE(server.started->has_first_connect_monotonic_ns());
  EXPECT_GT(client.started->first_connect_monotonic_ns(), before_ns + 30'000'000);
  for (const v1::Started& started : {*client.started, *server.started}) {
    ASSERT_TRUE(started.has_socket_options());
    const v1::SocketOptions& options = started.socket_options();
    EXPECT_TRUE(options.no_delay());
    EXPECT_TRUE(options.keepalive());
    EXPECT_EQ(options.keepalive_idle_seconds(), 11u);
    EXPECT_EQ(options.keepalive_interval_seconds(), 7u);
    EXPECT_EQ(options.keepalive_probes(), 4u);
    EXPECT_TRUE(options.linger_reset());
  }
  EXPECT_TRUE(server.started->socket_options().reuse_address());
}

TEST(LoadRun, LeavesOptionsOffThatTheSpecTurnsOff) {
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, "127.0.0.1", 0);
  spec.mutable_socket_options();
  spec.set_close_mode(Spec::CLOSE_MODE_FIN);
  const auto [client, server] = RunPair(spec);
  ASSERT_TRUE(client.started && client.started->has_socket_options());
  EXPECT_FALSE(client.started->socket_options().no_delay());
  EXPECT_FALSE(client.started->socket_options().keepalive());
  EXPECT_FALSE(client.started->socket_options().linger_reset());
}

TEST(LoadRun, DealsConnectionsOutToTargetsOfBothFamilies) {
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, "127.0.0.1", 0);
  spec.add_targets()->set_host("::1");
  spec.set_tcp_info_connections(~0u);
  const auto [client, server] = RunPair(spec);
  ASSERT_THAT(*client.done, IsOk());
  ASSERT_EQ(client.prepared->targets_size(), 2);
  EXPECT_EQ(client.prepared->targets(1).addresses(0), "::1");
  EXPECT_EQ(client.counters().succeeded(), 8u);
  sockets::FrameDecoder decoder;
  ASSERT_THAT(decoder.Apply(client.frames.at(0)), IsOk());
  size_t v6 = 0;
  for (const auto& [id, row] : decoder.rows()) v6 += row.identity.remote.address.is_v4() ? 0 : 1;
  EXPECT_EQ(v6, 4u);
}

TEST(LoadRun, StreamsTcpInfoOfHeldConnections) {
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, "127.0.0.1", 0);
  spec.set_tcp_info_connections(5);
  spec.set_duration_ms(500);
  const auto [client, server] = RunPair(spec);
  ASSERT_GE(client.frames.size(), 3u);
  sockets::FrameDecoder decoder;
  std::set<uint64_t> cookies;
  for (const v1::ConnectionFrame& frame : client.frames) {
    ASSERT_THAT(decoder.Apply(frame), IsOk());
    if (decoder.rows().empty()) break;
    EXPECT_EQ(decoder.rows().size(), 5u);
    for (const auto& [id, row] : decoder.rows()) {
      cookies.insert(row.identity.cookie);
      EXPECT_EQ(row.values.Find(sockets::Field::kState), 1u);
      EXPECT_GT(row.values.Get(sockets::Field::kRtt), 0u);
      EXPECT_EQ(row.values.Find(sockets::Field::kTotalRetrans), 0u);
      EXPECT_FALSE(row.identity.congestion_control.empty());
      EXPECT_NE(row.identity.network_namespace, 0u);
    }
  }
  // The last frame closes them, with their last record.
  EXPECT_TRUE(decoder.rows().empty());
  EXPECT_EQ(decoder.closed().size(), 5u);
  EXPECT_EQ(cookies.size(), 5u);
  const v1::TcpInfoSummary& summary = client.progress.back().tcp_info();
  EXPECT_EQ(summary.connections_sampled(), 5u);
  EXPECT_EQ(summary.total_retransmits(), 0u);
  EXPECT_EQ(summary.lost_segments(), 0u);
}

TEST(LoadRun, SamplesShortConnectionsBeforeTheyClose) {
  Spec spec = ClientSpec(Spec::WORKLOAD_CRR, "127.0.0.1", 0);
  spec.set_tcp_info_connections(~0u);
  const auto [client, server] = RunPair(spec);
  const v1::RunCounters& c = client.counters();
  const v1::TcpInfoSummary& summary = client.progress.back().tcp_info();
  EXPECT_GE(summary.connections_sampled(), c.succeeded());
  EXPECT_LE(summary.connections_sampled(), c.connections_opened());
  sockets::FrameDecoder decoder;
  uint64_t closed = 0;
  uint64_t dropped = 0;
  for (const v1::ConnectionFrame& frame : client.frames) {
    ASSERT_THAT(decoder.Apply(frame), IsOk());
    closed += decoder.closed().size();
    dropped += frame.completeness().dropped();
  }
  EXPECT_GE(closed + dropped, summary.connections_sampled());
  EXPECT_TRUE(decoder.rows().empty());
}

TEST(LoadRun, MergesIntervalsWhileTheSinkIsNotReady) {
  TestRun server;
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, "127.0.0.1", 0);
  spec.set_rate_per_second(200);
  Spec server_spec = spec;
  server_spec.set_role(Spec::ROLE_SERVER);
  server.Prepare(server_spec);
  const uint32_t port =
      server.WaitFor([](const RunEvents&) { return true; }).prepared->listen_port();
  spec.mutable_targets(0)->set_port(port);
  TestRun client;
  client.Prepare(spec);
  client.sink().SetReady(false);
  client.Start(InMs(30));
  const RunEvents events = client.WaitForEnd();
  ASSERT_EQ(events.progress.size(), 1u);
  EXPECT_EQ(Sum(events, &v1::Progress::response_latency).count(), events.counters().succeeded());
}

}  // namespace
}  // namespace tcpfleet::agent
