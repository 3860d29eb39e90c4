#include "tests/unit/agent/load/run_harness.h"

#include <utility>

#include "common/base/clock.h"
#include "common/stats/histogram_proto.h"

namespace tcpfleet::agent {

bool RecordingSink::Ready() {
  base::MutexLock lock(mutex_);
  return ready_;
}

void RecordingSink::SetReady(bool ready) {
  base::MutexLock lock(mutex_);
  ready_ = ready;
}

void RecordingSink::Send(v1::RunResponse event) {
  base::MutexLock lock(mutex_);
  EXPECT_FALSE(events_.done) << "event after Done";
  EXPECT_FALSE(events_.finished) << "event after Finished";
  if (event.has_prepared()) events_.prepared = event.prepared();
  if (event.has_armed()) events_.armed = event.armed();
  if (event.has_started()) events_.started = event.started();
  if (event.has_progress()) events_.progress.push_back(event.progress());
  if (event.has_connections()) events_.frames.push_back(event.connections());
  if (event.has_finished()) events_.finished = event.finished();
  changed_.NotifyAll();
}

void RecordingSink::Done(absl::Status status) {
  base::MutexLock lock(mutex_);
  EXPECT_FALSE(events_.done) << "Done twice";
  events_.done = std::move(status);
  changed_.NotifyAll();
}

RunEvents RecordingSink::WaitFor(const std::function<bool(const RunEvents&)>& enough) {
  const int64_t deadline_ns = InMs(20'000);
  base::MutexLock lock(mutex_);
  while (!enough(events_)) {
    if (!changed_.WaitUntil(mutex_, deadline_ns) && base::MonotonicNowNs() >= deadline_ns) {
      ADD_FAILURE() << "the run did not get there in time";
      break;
    }
  }
  return events_;
}

TestRun::TestRun(const AgentLoadLimits& limits, const LoadRunOptions& options)
    : budget_(limits),
      sink_(std::make_shared<RecordingSink>()),
      run_(std::make_unique<LoadRun>(limits, &budget_, sink_, options)) {}

void TestRun::Prepare(const v1::StressSpec& spec) {
  v1::RunRequest request;
  *request.mutable_prepare() = spec;
  run_->Handle(std::move(request));
  WaitFor([](const RunEvents& events) { return events.prepared || events.done; });
}

void TestRun::Start(int64_t monotonic_ns) {
  v1::RunRequest request;
  request.mutable_start()->set_monotonic_ns(monotonic_ns);
  run_->Handle(std::move(request));
}

void TestRun::Stop() {
  v1::RunRequest request;
  request.mutable_stop();
  run_->Handle(std::move(request));
}

RunEvents TestRun::WaitForEnd() {
  return WaitFor([](const RunEvents& events) { return events.done.has_value(); });
}

Spec ClientSpec(Spec::Workload workload, const std::string& host, uint32_t port) {
  Spec spec;
  spec.set_workload(workload);
  spec.set_role(Spec::ROLE_CLIENT);
  v1::Target& target = *spec.add_targets();
  target.set_host(host);
  target.set_port(port);
  spec.set_connections(8);
  spec.set_duration_ms(300);
  spec.set_connect_timeout_ms(1000);
  spec.set_close_mode(Spec::CLOSE_MODE_RST);
  spec.set_request_bytes(1);
  spec.set_response_bytes(1);
  spec.set_threads(2);
  spec.set_interval_ms(100);
  return spec;
}

Spec ClientSpec(Spec::Workload workload, const base::Endpoint& target) {
  return ClientSpec(workload, target.address.ToString(), target.port);
}

RunEvents RunClient(const Spec& spec) {
  TestRun client;
  client.Prepare(spec);
  client.Start(InMs(100));
  return client.WaitForEnd();
}

PairEvents RunPair(Spec spec) {
  TestRun server;
  Spec server_spec = spec;
  server_spec.set_role(Spec::ROLE_SERVER);
  server_spec.clear_targets();
  server.Prepare(server_spec);
  const RunEvents ready = server.WaitFor([](const RunEvents&) { return true; });
  if (!ready.prepared) return {ready, ready};
  for (v1::Target& target : *spec.mutable_targets()) target.set_port(ready.prepared->listen_port());
  TestRun client;
  client.Prepare(spec);
  const int64_t start_ns = InMs(100);
  server.Start(start_ns);
  client.Start(start_ns);
  return {client.WaitForEnd(), server.WaitForEnd()};
}

void ExpectAccountHolds(const RunEvents& events) {
  ASSERT_FALSE(events.progress.empty());
  for (const v1::Progress& progress : events.progress) {
    const v1::RunCounters& c = progress.counters();
    uint64_t failed = 0;
    for (const auto& [name, count] : c.failed()) failed += count;
    EXPECT_EQ(c.attempted(), c.succeeded() + failed + c.cancelled() + c.in_flight())
        << c.ShortDebugString();
  }
  EXPECT_EQ(events.counters().in_flight(), 0u);
  ASSERT_TRUE(events.finished);
}

stats::Histogram Sum(const RunEvents& events,
                     const v1::HistogramDelta& (v1::Progress::*part)() const) {
  stats::Histogram histogram;
  for (const v1::Progress& progress : events.progress) {
    if (!progress.measured()) continue;
    EXPECT_THAT(stats::AddDelta((progress.*part)(), histogram), tests::IsOk());
  }
  return histogram;
}

uint64_t Failed(const RunEvents& events, const std::string& name) {
  const auto& failed = events.counters().failed();
  const auto found = failed.find(name);
  return found == failed.end() ? 0 : found->second;
}

int64_t InMs(int64_t ms) { return base::MonotonicNowNs() + ms * 1'000'000; }

}  // namespace tcpfleet::agent
