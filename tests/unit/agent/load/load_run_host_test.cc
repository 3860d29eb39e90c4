// What runs take of their host, and what the agent lets them take.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/network_lab.h"
#include "tests/unit/agent/load/run_harness.h"

namespace tcpfleet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::StatusIs;

// A server of the engine that listens and goes on until the test ends.
class Server {
 public:
  explicit Server(Spec spec) {
    spec.set_role(Spec::ROLE_SERVER);
    spec.clear_targets();
    spec.set_duration_ms(60'000);
    run_.Prepare(spec);
    run_.Start(InMs(20));
  }
  uint32_t port() {
    return run_.WaitFor([](const RunEvents& events) { return events.prepared.has_value(); })
        .prepared->listen_port();
  }

 private:
  TestRun run_;
};

RunEvents RunLimited(const AgentLoadLimits& limits, Spec spec) {
  Server server(spec);
  spec.mutable_targets(0)->set_port(server.port());
  TestRun client(limits);
  client.Prepare(spec);
  client.Start(InMs(20));
  return client.WaitForEnd();
}

Spec StreamSpec(uint64_t duration_ms) {
  Spec spec = ClientSpec(Spec::WORKLOAD_STREAM, "127.0.0.1", 1);
  spec.set_direction(Spec::DIRECTION_SEND);
  spec.set_connections(1);
  spec.set_duration_ms(duration_ms);
  return spec;
}

TEST(LoadRunLimits, HoldNewConnectionsOfAClosedLoop) {
  AgentLoadLimits limits;
  limits.max_new_connections_per_second = {200, "--max-new-connections"};
  const RunEvents events = RunLimited(limits, ClientSpec(Spec::WORKLOAD_CONNECT, "127.0.0.1", 1));
  ExpectAccountHolds(events);
  EXPECT_GT(events.counters().connections_opened(), 10u);
  // 300 ms, and what 10 ms earn beforehand.
  EXPECT_LE(events.counters().connections_opened(), 63u);
  EXPECT_EQ(events.counters().failed_size(), 0);
}

TEST(LoadRunLimits, HoldTheBitsOfAStream) {
  AgentLoadLimits limits;
  limits.max_bits_per_second = {8e6, "--max-bandwidth"};
  const RunEvents events = RunLimited(limits, StreamSpec(300));
  ExpectAccountHolds(events);
  EXPECT_GT(events.counters().bytes_sent(), 100'000u);
  // 300,000 bytes, what 10 ms earn beforehand, and one write.
  EXPECT_LE(events.counters().bytes_sent(), 310'000u + 131'072u);
}

TEST(LoadRunLimits, EndARunThatUsesTooMuchCpu) {
  AgentLoadLimits limits;
  limits.max_cpu_cores = {0.001, "--max-cpu"};
  const RunEvents events = RunLimited(limits, StreamSpec(30'000));
  ExpectAccountHolds(events);
  ASSERT_TRUE(events.finished);
  EXPECT_EQ(events.finished->cause(), v1::Finished::CAUSE_HOST_LIMIT);
  EXPECT_THAT(events.finished->detail(), HasSubstr("its limit of 0.001 (--max-cpu)"));
}

TEST(LoadRunLimits, RefuseARunWhereMemoryIsShort) {
  AgentLoadLimits limits;
  limits.min_available_memory_bytes = {uint64_t{1} << 60, "--min-free-memory"};
  EXPECT_THAT(*RunLimited(limits, StreamSpec(300)).done,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("(--min-free-memory)")));
}

TEST(LoadRunPrepared, RefusesOptionsThisHostDoesNotHave) {
  Spec spec = StreamSpec(300);
  spec.mutable_socket_options()->set_congestion_control("nosuch");
  TestRun run;
  run.Prepare(spec);
  EXPECT_THAT(*run.WaitForEnd().done,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("TCP_CONGESTION")));
}

TEST(LoadRunPrepared, TellsSettingsWhenAsked) {
  Spec spec = StreamSpec(300);
  TestRun silent, telling;
  silent.Prepare(spec);
  spec.set_describe_settings(true);
  telling.Prepare(spec);
  const auto settings = [](TestRun& run) {
    return run.WaitFor([](const RunEvents&) { return true; }).prepared->settings();
  };
  EXPECT_TRUE(settings(silent).empty());
  EXPECT_TRUE(settings(telling).contains("net.ipv4.tcp_congestion_control"));
}

class LoadRunPorts : public tests::NetworkLabTest {};

// 120 ports and four addresses hold what one address could not.
TEST_F(LoadRunPorts, EverySourceHasAllOfThem) {
  tests::Host& host = AddHost("client");
  ASSERT_THAT(host.SetSysctl("net.ipv4.ip_local_port_range", "40000 40119"), tests::IsOk());
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, "127.0.0.1", 1);
  spec.set_connections(400);
  spec.add_sources("127.0.0.4/30");
  RunEvents events;
  ASSERT_THAT(host.Run([&] {
    events = RunPair(spec).client;
    return absl::OkStatus();
  }),
              tests::IsOk());
  ExpectAccountHolds(events);
  EXPECT_THAT(events.prepared->sources(),
              ElementsAre("127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7"));
  EXPECT_EQ(events.prepared->blockers_size(), 0);
  EXPECT_EQ(events.counters().succeeded(), 400u);
}

TEST_F(LoadRunPorts, ComeFromOneThreadsShareAndGoBackToIt) {
  tests::Host& host = AddHost("client");
  ASSERT_THAT(host.SetSysctl("net.ipv4.ip_local_port_range", "40000 40019"), tests::IsOk());
  Spec spec = ClientSpec(Spec::WORKLOAD_CRR, "127.0.0.1", 1);
  spec.set_port_choice(Spec::PORT_CHOICE_OWN);
  RunEvents events;
  ASSERT_THAT(host.Run([&] {
    events = RunPair(spec).client;
    return absl::OkStatus();
  }),
              tests::IsOk());
  ExpectAccountHolds(events);
  // Far more than there are ports, with a reset each.
  EXPECT_GT(events.counters().succeeded(), 200u);
  EXPECT_EQ(events.counters().failed_size(), 0);
}

}  // namespace
}  // namespace tcpfleet::agent
