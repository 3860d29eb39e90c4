// Coordinated runs on one fleet, one after the other: who is there, the roles, the run, its report.
//
// Threads: one caller.
// Errors:  InvalidArgument (options that do not fit the fleet), Cancelled (interrupted before the
//          roles were known); whatever happens to agents is in the report.
// Bounds:  kMostKeptIntervals intervals with together kMostKeptResults agents' results are kept of
//          a run; a longer one is thinned to every second, again and again.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <cstddef>
#include <memory>
#include <stop_token>
#include <vector>

#include "controller/cli/exit_code.h"
#include "controller/fleet/fleet.h"
#include "controller/fleet/hello.h"
#include "controller/stress/options.h"
#include "controller/stress/plan.h"
#include "controller/stress/run.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

inline constexpr size_t kMostKeptIntervals = 3'600;
inline constexpr size_t kMostKeptResults = 100'000;

struct SessionRun {
  v1::StressReport report;
  ExitCode exit_code = kOk;
  std::vector<v1::StressInterval> intervals;
  std::vector<v1::SavedHost> hosts;
  std::vector<v1::SavedHistogram> histograms;
};

// Keeps what a run reports, evenly thinned.
class IntervalCollector final : public RunObserver {
 public:
  void OnInterval(const RunView& view) override;
  std::vector<v1::StressInterval> Take() { return std::move(kept_); }

 private:
  std::vector<v1::StressInterval> kept_;
  size_t seen_ = 0;
  size_t stride_ = 1;
};

class StressSession {
 public:
  // All arguments outlive the session.
  StressSession(Fleet& fleet, base::Clock& clock, std::stop_token interrupt)
      : fleet_(fleet), clock_(clock), interrupt_(std::move(interrupt)) {}

  // Greets the fleet anew: clocks drift, agents come and go. `observer` may be null.
  absl::StatusOr<SessionRun> Run(const StressOptions& options, RunObserver* observer);

  bool interrupted() const { return interrupt_.stop_requested(); }

 private:
  Fleet& fleet_;
  base::Clock& clock_;
  const std::stop_token interrupt_;
};

}  // namespace tcpfleet::controller
