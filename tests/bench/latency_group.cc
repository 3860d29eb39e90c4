// Whether latencies are honest: with a server that freezes, against the closed form, and how late
// the generator itself is.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/time/clock.h>

#include <cmath>
#include <csignal>
#include <cstdio>
#include <utility>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "tests/bench/fleet.h"
#include "tests/bench/groups.h"
#include "tests/bench/json_object.h"
#include "tests/bench/program.h"

namespace tcpfleet::bench {
namespace {

constexpr double kSeconds = 8;  // T of the closed form
constexpr absl::Duration kFreeze = absl::Milliseconds(500);
constexpr absl::Duration kUntilFreeze = absl::Seconds(3);

struct Pair {
  Program server;
  std::string target;
  Agent agent;
};

absl::StatusOr<Pair> StartPair(const BenchOptions& options) {
  TF_ASSIGN_OR_RETURN(Program server,
                      Program::Start({"tcpfleet-limit", "serve"}, options.server_cpu));
  TF_ASSIGN_OR_RETURN(const std::string line, server.FirstLine());
  TF_ASSIGN_OR_RETURN(const double port, NumberIn(line, "port"));
  TF_ASSIGN_OR_RETURN(Agent agent, Agent::Start(options.client_cpu));
  return Pair{std::move(server), absl::StrCat("127.0.0.1:", port), std::move(agent)};
}

absl::StatusOr<StressRun> StartOpenLoop(const BenchOptions& options, const Pair& pair, int rate,
                                        const std::string& timer) {
  return StressRun::Start(pair.agent.address(),
                          {"rr", "--target", pair.target, "--connections", "4", "--threads", "1",
                           "--rate", absl::StrCat(rate), "--timer", timer, "--warmup", "300ms",
                           "--duration", absl::StrCat(kSeconds, "s"), "--tcp-info", "none"},
                          options.server_cpu);
}

// Stops the process for kFreeze and says for how long it really was, microseconds.
double FreezeUs(pid_t pid) {
  const int64_t begin_ns = base::MonotonicNowNs();
  ::kill(pid, SIGSTOP);
  absl::SleepFor(kFreeze);
  ::kill(pid, SIGCONT);
  return static_cast<double>(base::MonotonicNowNs() - begin_ns) / 1e3;
}

double PercentOff(double observed, double truth) {
  return std::fabs(observed - truth) / truth * 100;
}

}  // namespace

// A stall of D in T seconds of evenly spaced requests: the slowest share 1 - q of all waited longer
// than D - (1 - q) T.
absl::StatusOr<Measurements> MeasureFreeze(const BenchOptions& options) {
  constexpr int kRate = 1000;
  TF_ASSIGN_OR_RETURN(Pair pair, StartPair(options));
  std::vector<double> p99_off, p999_off, p50;
  for (int round = 0; round < options.rounds; ++round) {
    TF_ASSIGN_OR_RETURN(StressRun undisturbed, StartOpenLoop(options, pair, kRate, "eco"));
    TF_ASSIGN_OR_RETURN(const v1::StressReport calm, undisturbed.Finish());
    TF_ASSIGN_OR_RETURN(StressRun run, StartOpenLoop(options, pair, kRate, "eco"));
    absl::SleepFor(kUntilFreeze);
    const double freeze_us = FreezeUs(pair.server.pid());
    TF_ASSIGN_OR_RETURN(const v1::StressReport report, run.Finish());
    const v1::Distribution& latency = report.total().response_latency_us();
    p99_off.push_back(PercentOff(latency.p99(), freeze_us - 0.01 * kSeconds * 1e6));
    p999_off.push_back(PercentOff(latency.p999(), freeze_us - 0.001 * kSeconds * 1e6));
    p50.push_back(latency.p50() / calm.total().response_latency_us().p50());
    absl::FPrintF(
        stderr, "latency/freeze %d/%d: stalled %.1f ms, p50 %.0f us, p99 %.1f ms, p99.9 %.1f ms\n",
        round + 1, options.rounds, freeze_us / 1e3, latency.p50(), latency.p99() / 1e3,
        latency.p999() / 1e3);
  }
  return Measurements{FromRounds("latency/freeze-p99-off", p99_off, "%", AtMost(3)),
                      FromRounds("latency/freeze-p999-off", p999_off, "%", AtMost(3)),
                      FromRounds("latency/freeze-p50", p50, "x calm", AtMost(1.5))};
}

absl::StatusOr<Measurements> MeasureLateness(const BenchOptions& options) {
  constexpr int kRate = 4000;
  TF_ASSIGN_OR_RETURN(const Pair pair, StartPair(options));
  Measurements rows;
  for (const auto& [timer, p50_us] : {std::pair("eco", 30.0), std::pair("precise", 1.0)}) {
    std::vector<double> p50, p99, used;
    for (int round = 0; round < options.rounds; ++round) {
      TF_ASSIGN_OR_RETURN(StressRun run, StartOpenLoop(options, pair, kRate, timer));
      TF_ASSIGN_OR_RETURN(const v1::StressReport report, run.Finish());
      const v1::RunResult& total = report.total();
      p50.push_back(total.send_lateness_us().p50());
      p99.push_back(total.send_lateness_us().p99());
      used.push_back(total.cpu_seconds() / total.measured_seconds());
    }
    const std::string prefix = absl::StrCat("latency/", timer, "-late-");
    rows.push_back(FromRounds(prefix + "p50", p50, "us", AtMost(p50_us)));
    rows.push_back(FromRounds(prefix + "p99", p99, "us"));
    // All of the load thread: waiting, and the 4,000 requests.
    rows.push_back(FromRounds(absl::StrCat("latency/", timer, "-cores"), used, "cores"));
  }
  return rows;
}

}  // namespace tcpfleet::bench
