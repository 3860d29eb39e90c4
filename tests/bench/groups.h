// What is measured. Every group starts the programs it needs and ends them.
//
// Errors: any failed operation, a run that is not PASS, a program that does not start or end: such
//         figures must not be reported.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <vector>

#include "tests/bench/measurement.h"

namespace tcpfleet::bench {

struct BenchOptions {
  int rounds = 7;
  // Of every load run, after a warm-up of 0.3 s.
  absl::Duration duration = absl::Seconds(2);
  absl::Duration idle = absl::Seconds(60);
  int held_connections = 8000;
  // Clients and the agent run on the first, servers and the controller on the second.
  int client_cpu = 1;
  int server_cpu = 0;
};

using Measurements = std::vector<Measurement>;

// CPU per operation of the agent's load threads against tcpfleet-limit, both against its server,
// and against neper where it is on the PATH.
absl::StatusOr<Measurements> MeasureCrr(const BenchOptions& options);
absl::StatusOr<Measurements> MeasureRr(const BenchOptions& options);
absl::StatusOr<Measurements> MeasureHold(const BenchOptions& options);

// Throughput and CPU per gigabyte of one connection, against tcpfleet-limit and iperf3.
absl::StatusOr<Measurements> MeasureStream(const BenchOptions& options);
// Requests to nginx against wrk.
absl::StatusOr<Measurements> MeasureHttp(const BenchOptions& options);
// Percentiles while the server freezes against the closed form, and how late sends are.
absl::StatusOr<Measurements> MeasureFreeze(const BenchOptions& options);
absl::StatusOr<Measurements> MeasureLateness(const BenchOptions& options);
// Starting 200 agents, what they report, and merging what 1,000 report.
absl::StatusOr<Measurements> MeasureScale(const BenchOptions& options);
absl::StatusOr<Measurements> MeasureMerge(const BenchOptions& options);
// Opening nearly as many connections as there are ports, with the agent's choice of ports and with
// the kernel's.
absl::StatusOr<Measurements> MeasurePorts(const BenchOptions& options);
// Auditing 500 agents, and again when nothing has changed.
absl::StatusOr<Measurements> MeasureAudit(const BenchOptions& options);
// Judging the evidence of 200 hosts; collecting that of a host with 200,000 sockets.
absl::StatusOr<Measurements> MeasureDiagnose(const BenchOptions& options);
absl::StatusOr<Measurements> MeasureDiagnoseCrowd(const BenchOptions& options);
// First SYNs of 8 agents as their target sees them.
absl::StatusOr<Measurements> MeasureSkew(const BenchOptions& options);

// Recording one latency.
absl::StatusOr<Measurements> MeasureHistogram(const BenchOptions& options);

// An agent nobody calls.
absl::StatusOr<Measurements> MeasureIdle(const BenchOptions& options);

// User memory per held connection, client and server role.
absl::StatusOr<Measurements> MeasureMemory(const BenchOptions& options);

// Sampling, filtering, attributing and streaming all connections of a host.
absl::StatusOr<Measurements> MeasureSockets10k(const BenchOptions& options);
absl::StatusOr<Measurements> MeasureSockets100k(const BenchOptions& options);

// A kernel snapshot of an idle host, and of one with 200,000 sockets.
absl::StatusOr<Measurements> MeasureKernelIdle(const BenchOptions& options);
absl::StatusOr<Measurements> MeasureKernelCrowd(const BenchOptions& options);

// Encoding connection samples.
absl::StatusOr<Measurements> MeasureFrames(const BenchOptions& options);

}  // namespace tcpfleet::bench
