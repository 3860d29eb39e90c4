#include <absl/strings/str_format.h>
#include <absl/time/clock.h>

#include <cstdio>

#include "common/base/status_macros.h"
#include "tests/bench/fleet.h"
#include "tests/bench/groups.h"
#include "tests/bench/process_usage.h"

namespace tcpfleet::bench {
namespace {

// One call, so that the agent has a gRPC server to let go of.
absl::Status CallOnce(const Agent& agent, int cpu) {
  TF_ASSIGN_OR_RETURN(Program call,
                      Program::Start({"tcpfleet", "--agents", agent.address(), "agents"}, cpu));
  return call.Finish().status();
}

// Waits until the agent has let go of the threads it had for the call.
absl::Status WaitUntilAsleep(pid_t pid, double fresh_threads) {
  constexpr int kMostSeconds = 120;
  for (int second = 0; second < kMostSeconds; ++second) {
    TF_ASSIGN_OR_RETURN(const double threads, Threads(pid));
    if (threads <= fresh_threads) return absl::OkStatus();
    absl::SleepFor(absl::Seconds(1));
  }
  return absl::FailedPreconditionError(absl::StrFormat(
      "the agent still has more than %g threads %d s after a call", fresh_threads, kMostSeconds));
}

}  // namespace

absl::StatusOr<Measurements> MeasureIdle(const BenchOptions& options) {
  TF_ASSIGN_OR_RETURN(const Agent agent, Agent::Start(options.client_cpu));
  TF_ASSIGN_OR_RETURN(const double fresh_threads, Threads(agent.pid()));
  TF_RETURN_IF_ERROR(CallOnce(agent, options.server_cpu));
  std::fputs("idle: waiting for an agent to fall asleep after a call\n", stderr);
  TF_RETURN_IF_ERROR(WaitUntilAsleep(agent.pid(), fresh_threads));
  absl::FPrintF(stderr, "idle: watching an idle agent for %s\n",
                absl::FormatDuration(options.idle));
  TF_ASSIGN_OR_RETURN(const double ticks_before, CpuTicks(agent.pid()));
  TF_ASSIGN_OR_RETURN(const double us_before, LiveThreadsCpuMicroseconds(agent.pid()));
  absl::SleepFor(options.idle);
  TF_ASSIGN_OR_RETURN(const double ticks_after, CpuTicks(agent.pid()));
  TF_ASSIGN_OR_RETURN(const double us_after, LiveThreadsCpuMicroseconds(agent.pid()));
  TF_ASSIGN_OR_RETURN(const double resident_bytes, ResidentBytes(agent.pid()));
  return Measurements{
      FromRounds("idle/cpu", {ticks_after - ticks_before}, "ticks", AtMost(0)),
      FromRounds("idle/cpu-time", {us_after - us_before}, "us"),
      FromRounds("idle/rss", {resident_bytes / 1e6}, "MB", AtMost(30)),
  };
}

}  // namespace tcpfleet::bench
