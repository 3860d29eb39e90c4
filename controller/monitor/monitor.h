// Rounds of answers become series, alerts and a report. No I/O.
//
// Bounds:  those of SeriesStore and AlertEngine; one snapshot of each host.
// Threads: not thread-safe.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/monitor/alert_engine.h"
#include "controller/monitor/monitor_config.h"
#include "controller/monitor/series_store.h"
#include "tcpfleet/v1/kernel.pb.h"
#include "tcpfleet/v1/monitor.pb.h"

namespace tcpfleet::controller {

// The rule about agents that do not answer, as in configurations; a warning.
inline constexpr absl::string_view kAgentSilent = "agent-silent";

struct MonitoredAnswer {
  std::string name;
  std::string address;
  // What its kernel counts, of this round; absent: it did not answer, and is in the round's
  // failures.
  std::optional<v1::KernelSnapshot> snapshot;
};

// All of it is about the same hosts at the same time.
struct MonitorRound {
  std::vector<MonitoredAnswer> hosts;
  std::vector<v1::AgentFailure> failures;
  v1::DiagnosisReport diagnosis;
  // With the thresholds of `clear`; absent when there are none.
  std::optional<v1::DiagnosisReport> clearing;
};

class Monitor {
 public:
  // `window`: how long is watched, and so how far back charts reach.
  Monitor(const MonitorConfig& config, absl::Duration window, const base::Clock& clock);
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // What is to be told now.
  std::vector<v1::AlertNotification> Add(MonitorRound round);
  std::vector<v1::Alert> told() const { return engine_.told(); }

  // Everything but what sinks say.
  v1::MonitorReport Report() const;

  v1::MonitorState Save() const { return engine_.Save(); }
  // Before the first round. Alerts of what is no longer watched resolve as if all were well there:
  // of hosts that are none of the rounds', of rules and series that the configuration has not, of
  // network namespaces that their host does not name.
  absl::Status Restore(const v1::MonitorState& state) { return engine_.Restore(state); }

 private:
  struct Host {
    std::string address;
    std::optional<v1::KernelSnapshot> last;
    absl::Time last_seen = absl::InfinitePast();
    std::string unknown;  // why, in the last round
    bool is_silent = false;
  };

  std::vector<RuleJudgement> Read(MonitorRound& round);
  void JudgeAnswer(const std::string& host, const std::string& silent,
                   std::vector<RuleJudgement>& judgements) const;
  bool IsWatched(const v1::Alert& alert) const;
  void JudgeUnwatched(std::vector<RuleJudgement>& judgements) const;
  v1::MonitoredHost ReportHost(const std::string& name, const Host& host,
                               absl::Span<const v1::Alert> alerts) const;

  const MonitorConfig config_;
  AlertEngine engine_;
  SeriesStore store_;
  const absl::Time started_;
  std::map<std::string, Host> hosts_;
  std::vector<v1::AgentFailure> failures_;
  v1::DiagnosisReport diagnosis_;
};

}  // namespace tcpfleet::controller
