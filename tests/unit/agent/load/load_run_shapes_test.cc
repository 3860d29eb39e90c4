// When operations start: schedules, their shares, warm-up and cool-down, pipelines, pauses.
#include <gtest/gtest.h>

#include <algorithm>

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

// With a schedule everything that was due is accounted for, and has a response time.
void ExpectScheduleHolds(const RunEvents& events, uint64_t due) {
  ExpectAccountHolds(events);
  const v1::RunCounters& c = events.counters();
  EXPECT_EQ(c.attempted(), due) << c.ShortDebugString();
  EXPECT_EQ(Sum(events, &v1::Progress::response_latency).count(), due);
  const uint64_t started = due - Failed(events, "notSent");
  EXPECT_EQ(Sum(events, &v1::Progress::service_latency).count(), started);
  EXPECT_EQ(Sum(events, &v1::Progress::send_lateness).count(), started);
}

class Scheduled : public testing::TestWithParam<Spec::Workload> {};

TEST_P(Scheduled, CountsExactlyItsShareOfWhatWasDueInTheMeasuredTime) {
  Spec spec = ClientSpec(GetParam(), "127.0.0.1", 0);
  spec.set_rate_per_second(2'000);
  spec.mutable_schedule_share()->set_stride(4);
  spec.mutable_schedule_share()->add_offsets(1);
  spec.mutable_schedule_share()->add_offsets(2);
  spec.set_warmup_ms(100);
  spec.set_cooldown_ms(100);
  const auto [client, server] = RunPair(spec);
  ASSERT_THAT(*client.done, IsOk());
  ExpectScheduleHolds(client, 300);
  EXPECT_DOUBLE_EQ(client.counters().measured_seconds(), 0.3);
  EXPECT_GT(client.counters().succeeded(), 0u);
}

TEST_P(Scheduled, CountsWhatASilentTargetDoesNotTake) {
  const auto server =
      Serve(GetParam() == Spec::WORKLOAD_CONNECT ? Behaviour::kFullBacklog : Behaviour::kHold);
  Spec spec = ClientSpec(GetParam(), server->endpoint());
  spec.set_rate_per_second(1'000);
  spec.set_timer(Spec::TIMER_PRECISE);
  const RunEvents events = RunClient(spec);
  ExpectScheduleHolds(events, 300);
  EXPECT_EQ(events.counters().cancelled(), 8u);
  EXPECT_EQ(Failed(events, "notSent"), 292u);
  // The first has waited for the whole run, the last for nothing.
  const stats::Histogram response = Sum(events, &v1::Progress::response_latency);
  EXPECT_GE(response.Percentile(50), 148e6);
  EXPECT_GE(response.max(), 298'000'000u);
  EXPECT_LE(response.Percentile(50), static_cast<double>(response.max()) - 148e6);
}

INSTANTIATE_TEST_SUITE_P(Workloads, Scheduled,
                         testing::Values(Spec::WORKLOAD_CONNECT, Spec::WORKLOAD_CRR,
                                         Spec::WORKLOAD_RR),
                         [](const auto& given) { return Spec::Workload_Name(given.param); });

TEST(LoadRunShapes, ExponentialArrivalsComeAsTheirSeedSays) {
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, "127.0.0.1", 0);
  spec.set_rate_per_second(1'000);
  spec.mutable_arrivals()->set_kind(v1::Arrivals::KIND_EXPONENTIAL);
  spec.mutable_arrivals()->set_seed(42);
  const auto first = RunPair(spec).client;
  const auto second = RunPair(spec).client;
  ExpectScheduleHolds(first, first.counters().attempted());
  EXPECT_EQ(first.counters().attempted(), second.counters().attempted());
  EXPECT_NEAR(static_cast<double>(first.counters().attempted()), 300, 90);
}

TEST(LoadRunShapes, RampStartsWhatItsIntegralSays) {
  Spec spec = ClientSpec(Spec::WORKLOAD_CRR, "127.0.0.1", 0);
  v1::RateSegment& ramp = *spec.add_rate_segments();
  ramp.set_duration_ms(200);
  ramp.set_to_per_second(1'000);
  const auto [client, server] = RunPair(spec);
  // 100 in the ramp, 100 in the 100 ms after it.
  ExpectScheduleHolds(client, 200);
}

TEST(LoadRunShapes, EveryConnectionKeepsARateOfItsOwn) {
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, "127.0.0.1", 0);
  spec.set_rate_per_connection(100);
  const auto [client, server] = RunPair(spec);
  ExpectScheduleHolds(client, 8 * 30);
  EXPECT_EQ(client.counters().connections_opened(), 8u);
  const auto silent = Serve(Behaviour::kHold);
  spec.mutable_targets(0)->set_port(silent->endpoint().port);
  const RunEvents events = RunClient(spec);
  ExpectScheduleHolds(events, 8 * 30);
  EXPECT_EQ(Failed(events, "notSent"), 8u * 29);
}

TEST(LoadRunShapes, OperationsUnderWayAtTheEndMayFinishInTheCoolDown) {
  Spec spec = ClientSpec(Spec::WORKLOAD_CRR, "127.0.0.1", 0);
  spec.set_cooldown_ms(300);
  spec.set_duration_ms(200);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  const v1::RunCounters& c = client.counters();
  EXPECT_EQ(c.attempted(), c.succeeded()) << c.ShortDebugString();
  EXPECT_DOUBLE_EQ(c.measured_seconds(), 0.2);
  EXPECT_GT(c.connections_opened(), c.succeeded());
  EXPECT_LE(c.bytes_received(), c.succeeded());
}

struct Life {
  uint32_t requests;
  uint64_t lifetime_ms;
};
class Pipelined : public testing::TestWithParam<Life> {};

TEST_P(Pipelined, AnswersAllAndEverythingIsAccountedFor) {
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, "127.0.0.1", 0);
  spec.set_pipeline(5);
  spec.set_request_bytes(3'000);
  spec.set_response_bytes(20'001);
  spec.set_requests_per_connection(GetParam().requests);
  spec.set_lifetime_ms(GetParam().lifetime_ms);
  spec.set_warmup_ms(50);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  const v1::RunCounters& c = client.counters();
  EXPECT_TRUE(c.failed().empty()) << c.ShortDebugString();
  EXPECT_GT(c.succeeded(), 40u);
  EXPECT_EQ(Sum(client, &v1::Progress::response_latency).count(), c.succeeded());
  EXPECT_LE(c.cancelled(), 40u);
  EXPECT_EQ(c.connections_lost(), 0u);
  EXPECT_EQ(c.reconnects(), c.connections_opened() - 8);
  if (GetParam().requests > 0) {
    EXPECT_LE(c.attempted(), c.connections_opened() * GetParam().requests);
  }
  if (GetParam().lifetime_ms == 0 && GetParam().requests == 0) {
    EXPECT_EQ(c.connections_opened(), 8u);
  }
}

INSTANTIATE_TEST_SUITE_P(Lives, Pipelined, testing::Values(Life{0, 0}, Life{7, 0}, Life{0, 20}));

TEST(LoadRunShapes, PipelinesTakeTheirConnectionsOwnRateThroughTheirLives) {
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, "127.0.0.1", 0);
  spec.set_pipeline(4);
  spec.set_rate_per_connection(200);
  spec.set_lifetime_ms(30);
  const auto [client, server] = RunPair(spec);
  ExpectScheduleHolds(client, 8 * 60);
  EXPECT_GT(client.counters().reconnects(), 0u);
  EXPECT_LE(client.counters().active(), 8u);
}

TEST(LoadRunShapes, PipelineIsFilledAndNotExceeded) {
  const auto server = Serve(Behaviour::kHold);
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, server->endpoint());
  spec.set_pipeline(16);
  const RunEvents closed = RunClient(spec);
  ExpectAccountHolds(closed);
  EXPECT_EQ(closed.counters().attempted(), 8u * 16);
  EXPECT_EQ(closed.counters().cancelled(), 8u * 16);
  spec.set_rate_per_second(2'000);
  const RunEvents open = RunClient(spec);
  ExpectScheduleHolds(open, 600);
  EXPECT_EQ(Failed(open, "notSent"), 600u - 8 * 16);
}

TEST(LoadRunShapes, ABrokenConnectionFailsAllItsRequests) {
  const auto server = Serve(Behaviour::kReset);
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, server->endpoint());
  spec.set_pipeline(4);
  spec.set_rate_per_second(1'000);
  const RunEvents events = RunClient(spec);
  ExpectScheduleHolds(events, 300);
  EXPECT_EQ(events.counters().succeeded(), 0u);
  EXPECT_GT(Failed(events, "reset"), 0u);
}

TEST(LoadRunShapes, ThinkTimePausesBetweenTheRequestsOfAConnection) {
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, "127.0.0.1", 0);
  spec.set_think_time_us(50'000);
  const auto [client, server] = RunPair(spec);
  ExpectAccountHolds(client);
  EXPECT_LE(client.counters().attempted(), 8u * 6);
  EXPECT_GE(client.counters().attempted(), 8u * 2);
}

TEST(LoadRunShapes, AHerdStartsAtItsInstantAndNotBefore) {
  for (const Spec::Workload workload : {Spec::WORKLOAD_CONNECT, Spec::WORKLOAD_HOLD}) {
    Spec spec = ClientSpec(workload, "127.0.0.1", 0);
    spec.set_connections(300);
    spec.set_herd_at_ms(150);
    spec.set_duration_ms(1'000);
    TestRun server;
    Spec server_spec = spec;
    server_spec.set_role(Spec::ROLE_SERVER);
    server.Prepare(server_spec);
    const RunEvents ready = server.WaitFor([](const RunEvents&) { return true; });
    spec.mutable_targets(0)->set_port(ready.prepared->listen_port());
    TestRun client;
    client.Prepare(spec);
    const int64_t start_ns = InMs(30);
    server.Start(start_ns);
    client.Start(start_ns);
    const RunEvents events = client.WaitForEnd();
    ExpectAccountHolds(events);
    EXPECT_GE(events.started->first_connect_monotonic_ns(), start_ns + 150'000'000);
    EXPECT_GE(events.counters().attempted(), 300u);
  }
}

}  // namespace
}  // namespace tcpfleet::agent
