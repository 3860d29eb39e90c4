#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include "agent/load/client_worker.h"
#include "common/base/clock.h"
#include "tests/support/plain_server.h"
#include "tests/unit/agent/load/run_harness.h"

namespace tcpfleet::agent {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::PlainServer;
using tests::StatusIs;

using Behaviour = PlainServer::Behaviour;

std::unique_ptr<PlainServer> Serve(Behaviour behaviour) {
  return PlainServer::Create(behaviour).value();
}

// A port that was just free.
base::Endpoint UnusedEndpoint() { return Serve(Behaviour::kHold)->endpoint(); }

void ExpectOnlyFailure(const RunEvents& events, const char* name) {
  ExpectAccountHolds(events);
  EXPECT_GT(Failed(events, name), 0u);
  EXPECT_EQ(events.counters().failed().size(), 1u) << events.counters().ShortDebugString();
}

TEST(LoadRunFaults, RefusedTargetIsCountedAndTriedAtABoundedRate) {
  const RunEvents events = RunClient(ClientSpec(Spec::WORKLOAD_CRR, UnusedEndpoint()));
  ExpectOnlyFailure(events, "refused");
  EXPECT_EQ(events.counters().succeeded(), 0u);
  // 8 slots, 300 ms, 10 ms of rest after each failure.
  EXPECT_LE(events.counters().attempted(), 8u * 32u);
  ASSERT_TRUE(events.started);
  EXPECT_FALSE(events.started->has_socket_options());
}

TEST(LoadRunFaults, RefusedTargetKeepsTheScheduleOfARate) {
  Spec spec = ClientSpec(Spec::WORKLOAD_CONNECT, UnusedEndpoint());
  spec.set_rate_per_second(2000);
  const RunEvents events = RunClient(spec);
  ExpectAccountHolds(events);
  EXPECT_EQ(events.counters().attempted(), 600u);
  EXPECT_GE(Failed(events, "refused"), 10u);
  EXPECT_EQ(Failed(events, "refused") + Failed(events, "notSent"), 600u);
}

TEST(LoadRunFaults, SilentTargetTimesOut) {
  const auto server = Serve(Behaviour::kFullBacklog);
  Spec spec = ClientSpec(Spec::WORKLOAD_CONNECT, server->endpoint());
  spec.set_connect_timeout_ms(100);
  const RunEvents events = RunClient(spec);
  ExpectOnlyFailure(events, "timeout");
  // 8 slots, three timeouts of 100 ms each, rests in between.
  EXPECT_LE(Failed(events, "timeout"), 24u);
  EXPECT_LE(events.counters().cancelled(), 8u);
}

TEST(LoadRunFaults, HandshakesUnderWayAtTheEndAreCancelled) {
  const auto server = Serve(Behaviour::kFullBacklog);
  const RunEvents events = RunClient(ClientSpec(Spec::WORKLOAD_HOLD, server->endpoint()));
  ExpectAccountHolds(events);
  EXPECT_EQ(events.counters().attempted(), 8u);
  EXPECT_EQ(events.counters().cancelled(), 8u);
}

TEST(LoadRunFaults, ServerThatClosesEarlyIsClosed) {
  const auto server = Serve(Behaviour::kClose);
  for (const Spec::Workload workload : {Spec::WORKLOAD_CRR, Spec::WORKLOAD_RR}) {
    const RunEvents events = RunClient(ClientSpec(workload, server->endpoint()));
    ExpectAccountHolds(events);
    // The request may meet the closed socket's reset before the close is read.
    EXPECT_GT(Failed(events, "closed") + Failed(events, "reset"), 0u);
    EXPECT_EQ(events.counters().succeeded(), 0u);
  }
}

TEST(LoadRunFaults, ServerThatResetsIsReset) {
  const auto server = Serve(Behaviour::kReset);
  ExpectOnlyFailure(RunClient(ClientSpec(Spec::WORKLOAD_RR, server->endpoint())), "reset");
}

TEST(LoadRunFaults, HeldConnectionsThatBreakAreLostNotFailed) {
  const auto server = Serve(Behaviour::kClose);
  const RunEvents events = RunClient(ClientSpec(Spec::WORKLOAD_HOLD, server->endpoint()));
  ExpectAccountHolds(events);
  EXPECT_EQ(events.counters().succeeded(), 8u);
  EXPECT_EQ(events.counters().connections_lost(), 8u);
  EXPECT_EQ(events.counters().active(), 0u);
  EXPECT_TRUE(events.counters().failed().empty());
}

TEST(LoadRunFaults, ServerThatNeverAnswersLeavesOperationsCancelled) {
  const auto server = Serve(Behaviour::kHold);
  const RunEvents events = RunClient(ClientSpec(Spec::WORKLOAD_RR, server->endpoint()));
  ExpectAccountHolds(events);
  EXPECT_EQ(events.counters().attempted(), 8u);
  EXPECT_EQ(events.counters().cancelled(), 8u);
}

// A plan as if a name had resolved to two addresses, on one load thread without supervisor.
TEST(ClientWorker, TriesTheNextAddressAndRemembersIt) {
  const auto server = Serve(Behaviour::kEcho);
  RunPlan plan = *PlanRun(ClientSpec(Spec::WORKLOAD_CRR, server->endpoint()), {}, 1);
  plan.threads = 1;
  PlannedTarget target;
  for (const base::Endpoint& endpoint : {UnusedEndpoint(), server->endpoint()}) {
    target.endpoints.push_back(endpoint);
    target.addresses.push_back(sys::ToSocketAddress(endpoint));
  }
  plan.targets.push_back(target);
  RunControl control(3'000'000'000);
  const auto worker = ClientWorker::Create(plan, control, 0).value();
  control.SetStart(base::MonotonicNowNs());
  worker->Start();
  worker->Join();
  WorkerReport report;
  worker->mailbox().Take(report);
  EXPECT_EQ(report.counters.failed.total(), 0u);
  EXPECT_GT(report.counters.succeeded, 0u);
  EXPECT_EQ(report.counters.attempted, report.counters.succeeded + report.counters.cancelled);
}

TEST(LoadRunFaults, UnknownNameIsNotFound) {
  TestRun run;
  run.Prepare(ClientSpec(Spec::WORKLOAD_CRR, "no-such-host.invalid", 80));
  EXPECT_THAT(*run.WaitForEnd().done,
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no-such-host.invalid")));
}

TEST(LoadRunFaults, ForbiddenTargetAndTooManyConnectionsAreRefused) {
  AgentLoadLimits limits;
  limits.max_connections = {4, "--max-connections"};
  TestRun forbidden;
  forbidden.Prepare(ClientSpec(Spec::WORKLOAD_CRR, "192.0.2.1", 80));
  EXPECT_THAT(*forbidden.WaitForEnd().done, StatusIs(absl::StatusCode::kPermissionDenied));
  TestRun large(limits);
  large.Prepare(ClientSpec(Spec::WORKLOAD_CRR, "127.0.0.1", 80));
  EXPECT_THAT(*large.WaitForEnd().done,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("--max-connections")));
}

TEST(LoadRunFaults, LeaseWithoutHeartbeatEndsTheRunAndItsConnections) {
  const auto server = Serve(Behaviour::kHold);
  TestRun run({}, {.lease = absl::Milliseconds(200)});
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, server->endpoint());
  spec.set_duration_ms(60'000);
  spec.set_close_mode(Spec::CLOSE_MODE_FIN);
  run.Prepare(spec);
  const int64_t start_ns = InMs(20);
  run.Start(start_ns);
  const RunEvents events = run.WaitForEnd();
  EXPECT_LT(base::MonotonicNowNs() - start_ns, 1'000'000'000);
  ExpectAccountHolds(events);
  EXPECT_EQ(events.finished->cause(), v1::Finished::CAUSE_LEASE_EXPIRED);
  EXPECT_EQ(events.counters().active(), 8u);
  // Reset, although the close mode is fin.
  while (server->counters().open() > 0) std::this_thread::yield();
  EXPECT_EQ(server->counters().reset_by_peer, 8u);
}

TEST(LoadRunFaults, HeartbeatsKeepTheRunAlive) {
  const auto server = Serve(Behaviour::kEcho);
  TestRun run({}, {.lease = absl::Milliseconds(500)});
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, server->endpoint());
  spec.set_duration_ms(900);
  run.Prepare(spec);
  run.Start(InMs(10));
  for (size_t reports = 1; reports <= 8; ++reports) {
    run.WaitFor(
        [&](const RunEvents& events) { return events.progress.size() >= reports || events.done; });
    v1::RunRequest heartbeat;
    heartbeat.mutable_heartbeat();
    run.run().Handle(heartbeat);
  }
  EXPECT_EQ(run.WaitForEnd().finished->cause(), v1::Finished::CAUSE_DONE);
}

TEST(LoadRunFaults, LeaseAlsoEndsRunsThatNeverStart) {
  TestRun silent({}, {.lease = absl::Milliseconds(50)});
  const RunEvents events = silent.WaitForEnd();
  EXPECT_EQ(events.finished->cause(), v1::Finished::CAUSE_LEASE_EXPIRED);
  TestRun prepared({}, {.lease = absl::Milliseconds(50)});
  prepared.Prepare(ClientSpec(Spec::WORKLOAD_CRR, "127.0.0.1", 80));
  EXPECT_EQ(prepared.WaitForEnd().finished->cause(), v1::Finished::CAUSE_LEASE_EXPIRED);
}

TEST(LoadRunFaults, DisconnectEndsTheRunAtOnce) {
  const auto server = Serve(Behaviour::kEcho);
  TestRun run;
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, server->endpoint());
  spec.set_duration_ms(60'000);
  run.Prepare(spec);
  run.Start(InMs(10));
  run.WaitFor([](const RunEvents& events) { return !events.progress.empty(); });
  const int64_t before_ns = base::MonotonicNowNs();
  run.run().Disconnect(v1::Finished::CAUSE_DISCONNECTED);
  const RunEvents events = run.WaitForEnd();
  EXPECT_LT(base::MonotonicNowNs() - before_ns, 500'000'000);
  ExpectAccountHolds(events);
  EXPECT_EQ(events.finished->cause(), v1::Finished::CAUSE_DISCONNECTED);
}

TEST(LoadRunFaults, StopEndsTheRunAtOnceAlsoBeforeItsStart) {
  TestRun run;
  run.Prepare(ClientSpec(Spec::WORKLOAD_CRR, "127.0.0.1", 80));
  run.Start(InMs(30'000));
  run.Stop();
  const RunEvents events = run.WaitForEnd();
  ExpectAccountHolds(events);
  EXPECT_EQ(events.finished->cause(), v1::Finished::CAUSE_STOPPED);
  EXPECT_EQ(events.counters().attempted(), 0u);
}

TEST(LoadRunFaults, DestructionStopsARunningRun) {
  const auto server = Serve(Behaviour::kHold);
  auto run = std::make_unique<TestRun>();
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, server->endpoint());
  spec.set_duration_ms(60'000);
  run->Prepare(spec);
  run->Start(InMs(1));
  run->WaitFor([](const RunEvents& events) { return !events.progress.empty(); });
  run.reset();
  while (server->counters().open() > 0) std::this_thread::yield();
}

TEST(LoadRunFaults, LateStartRunsNothing) {
  const auto server = Serve(Behaviour::kEcho);
  TestRun run;
  run.Prepare(ClientSpec(Spec::WORKLOAD_CRR, server->endpoint()));
  run.Start(InMs(-5));
  const RunEvents events = run.WaitForEnd();
  EXPECT_LT(events.armed->ahead_ns(), 0);
  EXPECT_EQ(events.finished->cause(), v1::Finished::CAUSE_LATE_START);
  EXPECT_EQ(events.counters().attempted(), 0u);
  EXPECT_EQ(server->counters().accepted, 0u);
}

TEST(LoadRunFaults, StartOfAnotherClockIsRefused) {
  TestRun run;
  run.Prepare(ClientSpec(Spec::WORKLOAD_CRR, "127.0.0.1", 80));
  run.Start(InMs(61'000));
  EXPECT_THAT(*run.WaitForEnd().done,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("within 1m")));
}

TEST(LoadRunFaults, WrongOrderIsRefused) {
  constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
  TestRun start_first;
  start_first.Start(InMs(100));
  EXPECT_THAT(*start_first.WaitForEnd().done, StatusIs(kPrecondition, HasSubstr("before Prepare")));

  TestRun prepare_twice;
  prepare_twice.Prepare(ClientSpec(Spec::WORKLOAD_CRR, "127.0.0.1", 80));
  prepare_twice.Prepare(ClientSpec(Spec::WORKLOAD_CRR, "127.0.0.1", 80));
  EXPECT_THAT(*prepare_twice.WaitForEnd().done, StatusIs(kPrecondition));

  TestRun start_twice;
  start_twice.Prepare(ClientSpec(Spec::WORKLOAD_CRR, "127.0.0.1", 80));
  start_twice.Start(InMs(5'000));
  start_twice.Start(InMs(5'000));
  EXPECT_THAT(*start_twice.WaitForEnd().done, StatusIs(kPrecondition));

  TestRun empty;
  empty.run().Handle({});
  EXPECT_THAT(*empty.WaitForEnd().done, StatusIs(absl::StatusCode::kInvalidArgument));
}

// Leaves so few descriptors that about `spare` more can be opened.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t spare) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    // The lowest free descriptor.
    const sys::UniqueFd probe(::dup(0));
    few.rlim_cur = static_cast<rlim_t>(probe.get()) + spare;
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(LoadRunFaults, ClientOutOfDescriptorsCountsLocalFd) {
  const auto server = Serve(Behaviour::kHold);
  TestRun run;
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, server->endpoint());
  spec.set_connections(200);
  run.Prepare(spec);
  const FewDescriptors few(60);
  run.Start(InMs(20));
  const RunEvents events = run.WaitForEnd();
  ExpectOnlyFailure(events, "localFd");
  EXPECT_GT(events.counters().succeeded(), 0u);
  EXPECT_LT(events.counters().succeeded(), 61u);
}

TEST(LoadRunFaults, ServerOutOfDescriptorsCountsThemAndGoesOn) {
  Spec spec = ClientSpec(Spec::WORKLOAD_HOLD, "127.0.0.1", 0);
  spec.set_role(Spec::ROLE_SERVER);
  TestRun server;
  server.Prepare(spec);
  const uint32_t port =
      server.WaitFor([](const RunEvents&) { return true; }).prepared->listen_port();
  TestRun client;
  spec = ClientSpec(Spec::WORKLOAD_CRR, "127.0.0.1", port);
  spec.set_connections(100);
  client.Prepare(spec);
  // UBSan examines the first use of a logger through a pipe, which takes descriptors.
  spdlog::warn("descriptors run out on purpose now, {} are left", 100);
  // The client's sockets come from the same table: about half of the connections get both ends.
  const FewDescriptors few(100);
  const int64_t start_ns = InMs(20);
  server.Start(start_ns);
  client.Start(start_ns);
  const RunEvents served = server.WaitForEnd();
  client.WaitForEnd();
  EXPECT_GT(served.counters().accept_failed().at("localFd"), 0u);
  EXPECT_GT(served.counters().connections_accepted(), 0u);
  EXPECT_LT(served.counters().cpu_seconds(), 0.25);
}

TEST(LoadRunFaults, BudgetIsFreeAgainBeforeFinishedIsSaid) {
  AgentLoadLimits limits;
  limits.max_connections = {8, "--max-connections"};
  LoadBudget budget(limits);
  const auto server = Serve(Behaviour::kEcho);
  for (int i = 0; i < 2; ++i) {
    auto sink = std::make_shared<RecordingSink>();
    LoadRun run(limits, &budget, sink);
    v1::RunRequest request;
    *request.mutable_prepare() = ClientSpec(Spec::WORKLOAD_RR, server->endpoint());
    run.Handle(request);
    sink->WaitFor([](const RunEvents& events) { return events.prepared || events.done; });
    request.mutable_stop();
    run.Handle(request);
    const RunEvents events =
        sink->WaitFor([](const RunEvents& seen) { return seen.finished || seen.done; });
    EXPECT_TRUE(events.finished) << events.done->ToString();
    EXPECT_THAT(budget.Reserve({.connections = 8}), IsOk());
  }
}

}  // namespace
}  // namespace tcpfleet::agent
