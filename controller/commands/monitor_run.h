// `tcpfleet monitor` from its first round to its report.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "controller/cli/command_context.h"
#include "controller/diagnose/rolling_evidence.h"
#include "controller/monitor/monitor.h"
#include "controller/monitor/monitor_text.h"
#include "controller/monitor/sink.h"
#include "controller/stress/progress.h"

namespace tcpfleet::controller {

class MonitorRun {
 public:
  struct Options {
    MonitorConfig config;
    absl::Duration chart;  // how far back charts reach
    bool all_namespaces = false;
    std::string report_path;  // empty: none is written
    std::string state_path;   // likewise
  };

  MonitorRun(const Options& options, Notifier notifier, std::unique_ptr<Fleet> fleet,
             CommandContext& context);

  // Goes on from the state file, where there is one.
  absl::Status Restore();
  // Rounds from now on until `length` is over, or until it is interrupted.
  absl::Status Watch(absl::Duration length);
  // One window of evidence, judged at its end.
  absl::Status LookOnce();
  // Prints and writes what there is to be kept.
  absl::StatusOr<v1::MonitorReport> Conclude();

  size_t agents() const { return agents_; }

 private:
  absl::Status EachInterval(absl::Duration length,
                            const std::function<absl::Status(int64_t at_ns)>& round);
  // Null when it was interrupted.
  const v1::EvidenceBundle* Sample();
  // A round that is not judged only counts.
  absl::Status Take(const v1::EvidenceBundle& bundle, bool is_judged);
  absl::Status Show(absl::Span<const v1::AlertNotification> notifications);
  void Redraw();
  v1::MonitorReport Report() const;
  absl::Status KeepMeanwhile();
  absl::Status KeepState() const;
  absl::Status Keep(const v1::MonitorReport& report) const;

  const Options options_;
  CommandContext& context_;
  const size_t agents_;
  const RuleSelection selection_;
  const RuleSelection clearing_;
  RollingEvidence evidence_;
  Monitor monitor_;
  Notifier notifier_;
  FleetTraffic traffic_;
  RedrawnBlock block_;
  bool has_kept_ = false;
};

}  // namespace tcpfleet::controller
