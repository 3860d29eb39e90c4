#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <cstdio>
#include <optional>
#include <utility>

#include "common/base/status_macros.h"
#include "tests/bench/fleet.h"
#include "tests/bench/groups.h"
#include "tests/bench/json_object.h"
#include "tests/bench/process_usage.h"

namespace tcpfleet::bench {
namespace {

constexpr absl::Duration kWarmup = absl::Milliseconds(300);

struct Workload {
  std::string name;
  std::optional<double> cpu_goal;  // times bare
};

struct Cost {
  double cpu_us = 0;  // per operation, of the thread that makes the load
  double rate = 0;    // operations per second
  // Per operation, of the whole process and the whole run: preparing, warm-up and reporting are in
  // it.
  double process_cpu_us = 0;
};

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

  absl::StatusOr<Measurements> Measure(const Workload& workload) {
    std::vector<double> bare_cpu_us, cpu, rate, process_cpu;
    for (int round = 0; round < options_.rounds; ++round) {
      // Who goes first alternates, so that a machine that slows down favours neither.
      std::optional<Cost> bare;
      if (round % 2 == 0) {
        TF_ASSIGN_OR_RETURN(bare, RunBare(workload));
      }
      TF_ASSIGN_OR_RETURN(const Cost ours, RunOurs(workload));
      if (!bare) {
        TF_ASSIGN_OR_RETURN(bare, RunBare(workload));
      }
      bare_cpu_us.push_back(bare->cpu_us);
      cpu.push_back(ours.cpu_us / bare->cpu_us);
      rate.push_back(ours.rate / bare->rate);
      process_cpu.push_back(ours.process_cpu_us / bare->cpu_us);
      absl::FPrintF(stderr, "load/%s %d/%d: CPU per operation %.3f x bare\n", workload.name,
                    round + 1, options_.rounds, cpu.back());
    }
    const std::string prefix = absl::StrCat("load/", workload.name, "/");
    Measurements rows{FromRounds(prefix + "cpu", cpu, kTimesBare, workload.cpu_goal),
                      FromRounds(prefix + "bare-cpu", bare_cpu_us, "us/op")};
    if (workload.name == "hold") return rows;  // its ramp is too short a part of the run
    rows.push_back(FromRounds(prefix + "process-cpu", process_cpu, kTimesBare));
    rows.push_back(FromRounds(prefix + "rate", rate, kTimesBare));
    return rows;
  }

 private:
  LoadPair(const BenchOptions& options, Program server, int port, Agent agent)
      : options_(options), server_(std::move(server)), port_(port), agent_(std::move(agent)) {}

  std::string Connections(const Workload& workload) const {
    return workload.name == "hold" ? absl::StrCat(options_.held_connections) : "64";
  }

  absl::StatusOr<Cost> RunBare(const Workload& workload) const {
    TF_ASSIGN_OR_RETURN(
        Program client,
        Program::Start(
            {"tcpfleet-limit", workload.name, "--port", absl::StrCat(port_), "--connections",
             Connections(workload), "--warmup", absl::StrCat(absl::ToDoubleSeconds(kWarmup)),
             "--duration", absl::StrCat(absl::ToDoubleSeconds(options_.duration))},
            options_.client_cpu));
    TF_ASSIGN_OR_RETURN(const std::string json, client.Finish());
    TF_ASSIGN_OR_RETURN(const double cpu_seconds, NumberIn(json, "cpu_seconds"));
    TF_ASSIGN_OR_RETURN(const double operations, NumberIn(json, "operations"));
    TF_ASSIGN_OR_RETURN(const double rate, NumberIn(json, "rate"));
    return Cost{.cpu_us = cpu_seconds * 1e6 / operations, .rate = rate};
  }

  absl::StatusOr<Cost> RunOurs(const Workload& workload) {
    // The ramp is what hold measures, and it is over with the warm-up.
    const absl::Duration warmup = workload.name == "hold" ? absl::ZeroDuration() : kWarmup;
    TF_ASSIGN_OR_RETURN(const double ticks_before, CpuTicks(agent_.pid()));
    TF_ASSIGN_OR_RETURN(
        StressRun run,
        StressRun::Start(
            agent_.address(),
            {workload.name, "--target", absl::StrCat("127.0.0.1:", port_), "--connections",
             Connections(workload), "--threads", "1", "--duration",
             absl::FormatDuration(options_.duration), "--warmup",
             absl::StrCat(absl::ToInt64Milliseconds(warmup), "ms"), "--tcp-info", "none"},
            options_.server_cpu));
    TF_ASSIGN_OR_RETURN(const v1::StressReport report, run.Finish());
    TF_ASSIGN_OR_RETURN(const double ticks_after, CpuTicks(agent_.pid()));
    const v1::RunResult& total = report.total();
    const double succeeded = static_cast<double>(total.succeeded());
    // The report does not count operations of the warm-up; they ran at the measured rate.
    const double all = succeeded + total.rate_per_second() * absl::ToDoubleSeconds(warmup);
    return Cost{.cpu_us = total.cpu_seconds() * 1e6 / succeeded,
                .rate = total.rate_per_second(),
                .process_cpu_us = (ticks_after - ticks_before) / TicksPerSecond() * 1e6 / all};
  }

  BenchOptions options_;
  Program server_;
  int port_;
  Agent agent_;
};

absl::StatusOr<Measurements> MeasureWorkload(const BenchOptions& options,
                                             const Workload& workload) {
  TF_ASSIGN_OR_RETURN(LoadPair pair, LoadPair::Start(options));
  return pair.Measure(workload);
}

}  // namespace

absl::StatusOr<Measurements> MeasureCrr(const BenchOptions& options) {
  return MeasureWorkload(options, {"crr", 1.15});
}

absl::StatusOr<Measurements> MeasureRr(const BenchOptions& options) {
  return MeasureWorkload(options, {"rr", 1.15});
}

absl::StatusOr<Measurements> MeasureHold(const BenchOptions& options) {
  return MeasureWorkload(options, {"hold", std::nullopt});
}

}  // namespace tcpfleet::bench
