#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>

#include <cmath>
#include <cstdio>
#include <random>
#include <utility>

#include "common/base/clock.h"
#include "common/base/queue.h"
#include "common/base/status_macros.h"
#include "common/stats/histogram_proto.h"
#include "common/sys/file.h"
#include "controller/fleet/agent_client.h"
#include "controller/stress/measurement.h"
#include "tests/bench/fleet.h"
#include "tests/bench/groups.h"
#include "tests/bench/json_object.h"
#include "tests/bench/process_usage.h"
#include "tests/bench/program.h"

namespace tcpfleet::bench {
namespace {

constexpr int kAgents = 200;
constexpr int kMergedAgents = 1000;

struct Scene {
  sys::TemporaryDirectory directory;
  Program server;
  std::string target;
  Program agents;
  std::vector<std::string> addresses;
};

absl::StatusOr<Scene> StartScene(const BenchOptions& options) {
  TF_ASSIGN_OR_RETURN(sys::TemporaryDirectory directory,
                      sys::TemporaryDirectory::Create("tcpfleet-bench"));
  TF_ASSIGN_OR_RETURN(Program server,
                      Program::Start({"tcpfleet-limit", "serve"}, options.server_cpu));
  TF_ASSIGN_OR_RETURN(const std::string line, server.FirstLine());
  TF_ASSIGN_OR_RETURN(const double port, NumberIn(line, "port"));
  TF_ASSIGN_OR_RETURN(Program agents,
                      Program::Start({"tcpfleet-agents", absl::StrCat(kAgents), directory.path()},
                                     options.client_cpu));
  TF_RETURN_IF_ERROR(agents.FirstLine().status());
  std::vector<std::string> addresses;
  for (int i = 0; i < kAgents; ++i) {
    addresses.push_back(absl::StrCat("unix:", directory.path(), "/", i, ".sock"));
  }
  return Scene{std::move(directory), std::move(server), absl::StrCat("127.0.0.1:", port),
               std::move(agents), std::move(addresses)};
}

struct FleetCost {
  double start_seconds = 0;  // from the command to the common start
  double controller_ms = 0;  // CPU time per agent and second
};

absl::StatusOr<FleetCost> RunFleet(const BenchOptions& options, const Scene& scene) {
  const absl::Time command = absl::Now();
  const double cpu_before = EndedChildrenCpuSeconds();
  TF_ASSIGN_OR_RETURN(
      StressRun run,
      StressRun::Start(absl::StrJoin(scene.addresses, ","),
                       {"hold", "--target", scene.target, "--connections", absl::StrCat(kAgents),
                        "--threads", "1", "--duration", absl::FormatDuration(options.duration)},
                       options.server_cpu));
  TF_ASSIGN_OR_RETURN(const v1::StressReport report, run.Finish());
  if (report.agents_size() != kAgents || !report.has_start_skew_us()) {
    return absl::FailedPreconditionError(
        absl::StrCat("only ", report.agents_size(), " of ", kAgents, " agents took part"));
  }
  const double agent_seconds = kAgents * absl::ToDoubleSeconds(options.duration);
  const absl::Time start = absl::FromUnixNanos(report.run().start().seconds() * 1'000'000'000 +
                                               report.run().start().nanos());
  return FleetCost{.start_seconds = absl::ToDoubleSeconds(start - command),
                   .controller_ms = (EndedChildrenCpuSeconds() - cpu_before) * 1e3 / agent_seconds};
}

// Bytes of Progress per second of one agent whose latencies have one mode.
absl::StatusOr<double> ProgressBytesPerSecond(const BenchOptions& options, const Scene& scene) {
  TF_ASSIGN_OR_RETURN(const auto client,
                      controller::NewGrpcAgentClient(scene.addresses.front(), {}));
  base::Queue<v1::RunResponse> events{1024};
  base::Queue<absl::Status> ended{1};
  const auto call = client->Run([&](v1::RunResponse event) { events.Push(std::move(event)); },
                                [&](absl::Status status) { ended.Push(std::move(status)); });
  v1::RunRequest request;
  v1::StressSpec& spec = *request.mutable_prepare();
  spec.set_workload(v1::StressSpec::WORKLOAD_RR);
  spec.set_role(v1::StressSpec::ROLE_CLIENT);
  spec.set_close_mode(v1::StressSpec::CLOSE_MODE_RST);
  v1::Target& target = *spec.add_targets();
  target.set_host("127.0.0.1");
  target.set_port(
      static_cast<uint32_t>(std::stoi(scene.target.substr(scene.target.find(':') + 1))));
  spec.set_connections(16);
  spec.set_rate_per_second(1000);
  spec.set_duration_ms(static_cast<uint64_t>(absl::ToInt64Milliseconds(options.duration)));
  spec.set_connect_timeout_ms(1000);
  spec.set_request_bytes(1);
  spec.set_response_bytes(1);
  spec.set_threads(1);
  spec.set_interval_ms(1000);
  call->Send(request);
  size_t bytes = 0;
  for (;;) {
    std::optional<v1::RunResponse> event = events.PopUntil(base::MonotonicNowNs() + 1'000'000'000);
    v1::RunRequest heartbeat;
    heartbeat.mutable_heartbeat();
    call->Send(heartbeat);
    if (!event) {
      const auto status = ended.PopUntil(base::MonotonicNowNs());
      if (status && !status->ok()) return *status;
      if (status) break;
      continue;
    }
    if (event->has_prepared()) {
      v1::RunRequest start;
      start.mutable_start()->set_monotonic_ns(base::MonotonicNowNs() + 200'000'000);
      call->Send(start);
    }
    if (event->has_progress()) bytes += event->ByteSizeLong();
    if (event->has_finished()) break;
  }
  return static_cast<double>(bytes) / absl::ToDoubleSeconds(options.duration);
}

// What an agent reports in a second of 10,000 operations, log-normal around 100 microseconds.
v1::Progress SyntheticProgress(int agent) {
  std::mt19937_64 random(static_cast<uint64_t>(agent) + 1);
  std::lognormal_distribution<double> latency(std::log(100e3), 0.3);
  stats::Histogram histogram;
  constexpr uint64_t kOperations = 10'000;
  for (uint64_t i = 0; i < kOperations; ++i) {
    histogram.Record(static_cast<uint64_t>(latency(random)));
  }
  v1::Progress progress;
  progress.set_measured(true);
  progress.set_monotonic_ns(1'000'000'000);
  progress.mutable_counters()->set_attempted(kOperations);
  progress.mutable_counters()->set_succeeded(kOperations);
  progress.mutable_counters()->set_measured_seconds(1);
  for (v1::HistogramDelta* delta :
       {progress.mutable_response_latency(), progress.mutable_service_latency(),
        progress.mutable_send_lateness()}) {
    *delta = stats::ToDelta(histogram);
  }
  return progress;
}

}  // namespace

absl::StatusOr<Measurements> MeasureScale(const BenchOptions& options) {
  TF_ASSIGN_OR_RETURN(const Scene scene, StartScene(options));
  std::vector<double> start, cpu, bytes;
  for (int round = 0; round < options.rounds; ++round) {
    TF_ASSIGN_OR_RETURN(const FleetCost cost, RunFleet(options, scene));
    start.push_back(cost.start_seconds);
    cpu.push_back(cost.controller_ms);
    TF_ASSIGN_OR_RETURN(bytes.emplace_back(), ProgressBytesPerSecond(options, scene));
    absl::FPrintF(stderr, "scale %d/%d: %d agents started after %.2f s\n", round + 1,
                  options.rounds, kAgents, cost.start_seconds);
  }
  return Measurements{FromRounds("scale/start", start, "s", AtMost(1.5)),
                      FromRounds("scale/controller-cpu", cpu, "ms", AtMost(20)),
                      FromRounds("scale/progress", bytes, "B/s", AtMost(2048))};
}

absl::StatusOr<Measurements> MeasureMerge(const BenchOptions& options) {
  std::vector<v1::Progress> reports;
  std::vector<controller::Measurement> agents(kMergedAgents);
  for (int agent = 0; agent < kMergedAgents; ++agent) {
    reports.push_back(SyntheticProgress(agent));
    TF_RETURN_IF_ERROR(agents[static_cast<size_t>(agent)].Apply(reports.back()));
  }
  std::vector<double> total_ms, each_ms;
  for (int round = 0; round < options.rounds; ++round) {
    double begin_ns = ThreadCpuNs();
    controller::RunHistograms total;
    for (const v1::Progress& progress : reports) TF_RETURN_IF_ERROR(total.Add(progress));
    total_ms.push_back((ThreadCpuNs() - begin_ns) / 1e6);
    begin_ns = ThreadCpuNs();
    for (size_t i = 0; i < agents.size(); ++i) TF_RETURN_IF_ERROR(agents[i].Apply(reports[i]));
    each_ms.push_back((ThreadCpuNs() - begin_ns) / 1e6);
  }
  return Measurements{FromRounds("scale/merge-1000", total_ms, "ms", AtMost(20)),
                      FromRounds("scale/apply-1000", each_ms, "ms")};
}

}  // namespace tcpfleet::bench
