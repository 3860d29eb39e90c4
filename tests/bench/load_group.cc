#include <absl/strings/str_cat.h>

#include <optional>
#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "tests/bench/contest.h"
#include "tests/bench/fleet.h"
#include "tests/bench/groups.h"
#include "tests/bench/json_object.h"
#include "tests/bench/peers.h"
#include "tests/bench/program.h"

namespace tcpfleet::bench {
namespace {

constexpr absl::Duration kWarmup = absl::Milliseconds(300);

struct Workload {
  std::string name;
  Goal cpu_goal;
  Goal rate_goal;
  std::string neper;  // the program of the same workload; empty: there is none
  std::optional<Goal> neper_cpu_goal;
  std::optional<Goal> neper_rate_goal;
};

// tcpfleet-limit as a server, and one agent that loads it.
class LoadPair {
 public:
  static absl::StatusOr<LoadPair> Start(const BenchOptions& options) {
    TF_ASSIGN_OR_RETURN(Program server,
                        Program::Start({"tcpfleet-limit", "serve"}, options.server_cpu));
    TF_ASSIGN_OR_RETURN(const std::string line, server.FirstLine());
    TF_ASSIGN_OR_RETURN(const double port, NumberIn(line, "port"));
    TF_ASSIGN_OR_RETURN(Agent agent, Agent::Start(options.client_cpu));
    return LoadPair(options, std::move(server), static_cast<int>(port), std::move(agent));
  }

  absl::StatusOr<Cost> RunBare(const std::string& workload, int connections) const {
    TF_ASSIGN_OR_RETURN(Program client,
                        Program::Start({"tcpfleet-limit", workload, "--port", absl::StrCat(port_),
                                        "--connections", absl::StrCat(connections), "--warmup",
                                        absl::StrCat(absl::ToDoubleSeconds(kWarmup)), "--duration",
                                        absl::StrCat(absl::ToDoubleSeconds(options_.duration))},
                                       options_.client_cpu));
    TF_ASSIGN_OR_RETURN(const std::string json, client.Finish());
    TF_ASSIGN_OR_RETURN(const double cpu_seconds, NumberIn(json, "cpu_seconds"));
    TF_ASSIGN_OR_RETURN(const double operations, NumberIn(json, "operations"));
    TF_ASSIGN_OR_RETURN(const double rate, NumberIn(json, "rate"));
    return Cost{.rate = rate, .cpu_us = cpu_seconds * 1e6 / operations};
  }

  // The CPU time is that of the load threads.
  absl::StatusOr<Cost> RunOurs(const std::string& workload, int connections) const {
    // The ramp is what hold measures, and it is over with the warm-up.
    const absl::Duration warmup = workload == "hold" ? absl::ZeroDuration() : kWarmup;
    TF_ASSIGN_OR_RETURN(
        StressRun run,
        StressRun::Start(
            agent_.address(),
            {workload, "--target", absl::StrCat("127.0.0.1:", port_), "--connections",
             absl::StrCat(connections), "--threads", "1", "--duration",
             absl::FormatDuration(options_.duration), "--warmup",
             absl::StrCat(absl::ToInt64Milliseconds(warmup), "ms"), "--tcp-info", "none"},
            options_.server_cpu));
    TF_ASSIGN_OR_RETURN(const v1::StressReport report, run.Finish());
    const v1::RunResult& total = report.total();
    return Cost{.rate = total.rate_per_second(),
                .cpu_us = total.cpu_seconds() * 1e6 / static_cast<double>(total.succeeded())};
  }

 private:
  LoadPair(const BenchOptions& options, Program server, int port, Agent agent)
      : options_(options), server_(std::move(server)), port_(port), agent_(std::move(agent)) {}

  BenchOptions options_;
  Program server_;
  int port_;
  Agent agent_;
};

absl::StatusOr<Measurements> MeasureWorkload(const BenchOptions& options,
                                             const Workload& workload) {
  TF_ASSIGN_OR_RETURN(const LoadPair pair, LoadPair::Start(options));
  constexpr int kConnections = 64;
  Contest contest("load/" + workload.name);
  contest.Add("bare", [&] { return pair.RunBare(workload.name, kConnections); });
  contest.Add("ours", [&] { return pair.RunOurs(workload.name, kConnections); });
  const bool has_neper = IsOnPath(workload.neper);
  if (has_neper) contest.Add("neper", [&] { return RunNeper(workload.neper, options); });
  TF_RETURN_IF_ERROR(contest.Run(options.rounds));
  Measurements rows{contest.Ratio("cpu", &Cost::cpu_us, "ours", "bare", workload.cpu_goal),
                    contest.Ratio("rate", &Cost::rate, "ours", "bare", workload.rate_goal),
                    contest.Value("bare-cpu", &Cost::cpu_us, "bare", "us/op")};
  if (!has_neper) return rows;
  rows.push_back(
      contest.Ratio("cpu-neper", &Cost::cpu_us, "ours", "neper", workload.neper_cpu_goal));
  rows.push_back(
      contest.Ratio("rate-neper", &Cost::rate, "ours", "neper", workload.neper_rate_goal));
  return rows;
}

}  // namespace

absl::StatusOr<Measurements> MeasureCrr(const BenchOptions& options) {
  return MeasureWorkload(options, {.name = "crr",
                                   .cpu_goal = AtMost(1.03),
                                   .rate_goal = AtLeast(0.95),
                                   .neper = "tcp_crr",
                                   .neper_cpu_goal = std::nullopt,
                                   .neper_rate_goal = AtLeast(1.0)});
}

absl::StatusOr<Measurements> MeasureRr(const BenchOptions& options) {
  return MeasureWorkload(options, {.name = "rr",
                                   .cpu_goal = AtMost(1.07),
                                   .rate_goal = AtLeast(0.93),
                                   .neper = "tcp_rr",
                                   .neper_cpu_goal = AtMost(0.90),
                                   .neper_rate_goal = std::nullopt});
}

absl::StatusOr<Measurements> MeasureHold(const BenchOptions& options) {
  TF_ASSIGN_OR_RETURN(const LoadPair pair, LoadPair::Start(options));
  Contest contest("load/hold");
  contest.Add("bare", [&] { return pair.RunBare("hold", options.held_connections); });
  contest.Add("ours", [&] { return pair.RunOurs("hold", options.held_connections); });
  TF_RETURN_IF_ERROR(contest.Run(options.rounds));
  // No rate: the ramp is too short a part of the run.
  return Measurements{contest.Ratio("cpu", &Cost::cpu_us, "ours", "bare"),
                      contest.Value("bare-cpu", &Cost::cpu_us, "bare", "us/op")};
}

absl::StatusOr<Measurements> MeasureStream(const BenchOptions& options) {
  TF_ASSIGN_OR_RETURN(Program sink, Program::Start({"tcpfleet-limit", "sink"}, options.server_cpu));
  TF_ASSIGN_OR_RETURN(const std::string line, sink.FirstLine());
  TF_ASSIGN_OR_RETURN(const double port, NumberIn(line, "port"));
  TF_ASSIGN_OR_RETURN(const Agent agent, Agent::Start(options.client_cpu));
  const std::string seconds = absl::StrCat(absl::ToDoubleSeconds(options.duration));
  Contest contest("load/stream");
  contest.Add("bare", [&]() -> absl::StatusOr<Cost> {
    TF_ASSIGN_OR_RETURN(Program client,
                        Program::Start({"tcpfleet-limit", "stream", "--port", absl::StrCat(port),
                                        "--connections", "1", "--duration", seconds},
                                       options.client_cpu));
    TF_ASSIGN_OR_RETURN(const std::string json, client.Finish());
    TF_ASSIGN_OR_RETURN(const double bytes, NumberIn(json, "bytes"));
    TF_ASSIGN_OR_RETURN(const double elapsed, NumberIn(json, "seconds"));
    TF_ASSIGN_OR_RETURN(const double cpu_seconds, NumberIn(json, "cpu_seconds"));
    return Cost{.rate = bytes * 8 / elapsed, .cpu_us = cpu_seconds * 1e6 / (bytes / 1e9)};
  });
  contest.Add("ours", [&]() -> absl::StatusOr<Cost> {
    TF_ASSIGN_OR_RETURN(
        StressRun run,
        StressRun::Start(agent.address(),
                         {"stream", "--target", absl::StrCat("127.0.0.1:", port), "--direction",
                          "send", "--connections", "1", "--threads", "1", "--duration",
                          absl::FormatDuration(options.duration), "--warmup",
                          absl::StrCat(absl::ToInt64Milliseconds(kWarmup), "ms")},
                         options.server_cpu));
    TF_ASSIGN_OR_RETURN(const v1::StressReport report, run.Finish());
    const v1::RunResult& total = report.total();
    const auto bytes = static_cast<double>(total.bytes_sent());
    return Cost{.rate = total.bits_sent_per_second(),
                .cpu_us = total.cpu_seconds() * 1e6 / (bytes / 1e9)};
  });
  const bool has_iperf3 = IsOnPath("iperf3");
  if (has_iperf3) contest.Add("iperf3", [&] { return RunIperf3(options); });
  TF_RETURN_IF_ERROR(contest.Run(options.rounds));
  Measurements rows{contest.Ratio("rate", &Cost::rate, "ours", "bare", AtLeast(0.97)),
                    contest.Ratio("cpu", &Cost::cpu_us, "ours", "bare"),
                    contest.Value("bare-rate", &Cost::rate, "bare", "bit/s")};
  if (!has_iperf3) return rows;
  rows.push_back(contest.Ratio("rate-iperf3", &Cost::rate, "ours", "iperf3", AtLeast(1.10)));
  rows.push_back(contest.Ratio("cpu-iperf3", &Cost::cpu_us, "ours", "iperf3", AtMost(0.92)));
  return rows;
}

}  // namespace tcpfleet::bench
