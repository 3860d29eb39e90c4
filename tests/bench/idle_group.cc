#include <absl/strings/str_format.h>
#include <absl/time/clock.h>

#include <cstdio>

#include "common/base/status_macros.h"
#include "tests/bench/fleet.h"
#include "tests/bench/groups.h"
#include "tests/bench/process_usage.h"

namespace tcpfleet::bench {
namespace {

// Starting up is not idling: waits until a whole second has passed without CPU time.
absl::Status WaitUntilIdle(pid_t pid) {
  constexpr int kMostSeconds = 30;
  for (int second = 0; second < kMostSeconds; ++second) {
    TF_ASSIGN_OR_RETURN(const double before, CpuTicks(pid));
    absl::SleepFor(absl::Seconds(1));
    TF_ASSIGN_OR_RETURN(const double after, CpuTicks(pid));
    if (before == after) return absl::OkStatus();
  }
  return absl::FailedPreconditionError("the agent is never idle: it used CPU in each of 30 s");
}

}  // namespace

absl::StatusOr<Measurements> MeasureIdle(const BenchOptions& options) {
  TF_ASSIGN_OR_RETURN(const Agent agent, Agent::Start(options.client_cpu));
  TF_RETURN_IF_ERROR(WaitUntilIdle(agent.pid()));
  absl::FPrintF(stderr, "idle: watching an idle agent for %s\n",
                absl::FormatDuration(options.idle));
  TF_ASSIGN_OR_RETURN(const double ticks_before, CpuTicks(agent.pid()));
  TF_ASSIGN_OR_RETURN(const double us_before, LiveThreadsCpuMicroseconds(agent.pid()));
  absl::SleepFor(options.idle);
  TF_ASSIGN_OR_RETURN(const double ticks_after, CpuTicks(agent.pid()));
  TF_ASSIGN_OR_RETURN(const double us_after, LiveThreadsCpuMicroseconds(agent.pid()));
  TF_ASSIGN_OR_RETURN(const double resident_bytes, ResidentBytes(agent.pid()));
  return Measurements{
      FromRounds("idle/cpu", {ticks_after - ticks_before}, "ticks", 0),
      FromRounds("idle/cpu-time", {us_after - us_before}, "us"),
      FromRounds("idle/rss", {resident_bytes / 1e6}, "MB", 30),
  };
}

}  // namespace tcpfleet::bench
