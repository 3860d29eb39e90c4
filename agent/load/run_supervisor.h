// Leads one run on a thread of its own: takes requests in their order, prepares and starts the
// workers, sends events, and ends with every socket closed and every thread joined.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/kernel/netstat.h"
#include "agent/load/governor.h"
#include "agent/load/limits.h"
#include "agent/load/load_run.h"
#include "agent/load/load_worker.h"
#include "agent/load/plan.h"
#include "agent/load/report_merger.h"
#include "agent/load/run_control.h"

namespace tcpfleet::agent {

// A start further ahead than this is refused: it was computed for another clock.
inline constexpr absl::Duration kFarthestStart = absl::Minutes(1);

// When the interval that contains `now_ns` ends. Intervals count from the start, and anew from the
// end of the warm-up.
int64_t IntervalEndNs(const RunPlan& plan, int64_t start_ns, int64_t now_ns);

class RunSupervisor {
 public:
  // All of them outlive the supervisor.
  RunSupervisor(const AgentLoadLimits& limits, LoadBudget& budget, RunControl& control,
                RunEventSink& sink);

  // The whole run. Not OK: it was refused or went wrong, and no Finished was sent.
  absl::Status Run();

 private:
  absl::Status Lead();
  absl::Status HandleRequests();
  absl::Status Prepare(const v1::StressSpec& spec);
  absl::Status NewWorkers(v1::Prepared& prepared);
  absl::Status Arm(const v1::StartAt& start);

  void Step(int64_t now_ns);
  int64_t NextStepNs(int64_t now_ns) const;
  int64_t measure_ns() const { return control_.start_ns() + plan_->warmup_ns; }
  int64_t counters_before_ns() const;
  // When the load began: the first connect() of a client; 0: not yet.
  int64_t begun_ns() const;
  int64_t measure_end_ns() const { return measure_ns() + plan_->duration_ns; }
  bool IsStartedKnown(int64_t now_ns);
  void SendStarted();
  void Collect();
  bool AllReported() const;
  void SendInterval(int64_t now_ns);
  void CheckHostLimits(int64_t now_ns);
  void SendProgress(bool is_last = false);
  void ReadKernelCounters(int64_t now_ns);
  void SendFrame(int64_t now_ns);
  void SendLastFrames();
  void StopWorkers();
  void SendEnd();

  const AgentLoadLimits& limits_;
  LoadBudget& budget_;
  RunControl& control_;
  RunEventSink& sink_;

  LoadBudget::Lease lease_;
  std::optional<RunPlan> plan_;
  std::vector<std::unique_ptr<LoadWorker>> workers_;
  std::optional<ReportMerger> merger_;
  std::optional<HostWatch> host_watch_;
  std::string limit_reached_;  // why host_watch_ ended the run
  bool started_sent_ = false;
  int64_t boundary_ns_ = 0;  // when the interval under way ends
  // Kernel counters at the beginning and end of the measured time.
  std::optional<NetCounters> counters_before_;
  std::optional<NetCounters> counters_after_;
};

}  // namespace tcpfleet::agent
