// Judgements over time become alerts: one for each host, namespace, rule and subject.
//
//   pending   since the level is reached; forgotten when it is left before `hold`
//   firing    until it has been below what clears it for `clear`; getting worse counts at once,
//             getting better like resolving
//   resolved
//
// Unknown:  an alert that nothing is said about neither fires nor resolves; the time does not
// count. Telling:  a change is told once, and no key more often than every `notify_interval`,
// except when
//           it gets worse than it was told since it last was quiet. What still differs then is told
//           when the interval is over.
// Time:     the clock's wall time when the engine was made, carried on by CLOCK_MONOTONIC.
// Bounds:   kMostAlerts that are pending, firing, or not quiet for one interval; what is above is
//           not taken and counted. kMostResolved afterwards, the oldest go.
// Threads:  not thread-safe.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "common/base/clock.h"
#include "controller/monitor/judgement.h"
#include "tcpfleet/v1/monitor.pb.h"

namespace tcpfleet::controller {

inline constexpr size_t kMostAlerts = 10'000;
inline constexpr size_t kMostResolved = 1'000;
inline constexpr int kMostAlertChanges = 20;

struct AlertTiming {
  absl::Duration hold;   // `for` in configurations
  absl::Duration clear;  // `clear_for`
};

class AlertEngine {
 public:
  struct Options {
    std::function<AlertTiming(const std::string& rule)> timing;
    absl::Duration notify_interval = absl::Minutes(10);
    // Of reminders that it still fires; infinite: none.
    absl::Duration repeat_interval = absl::Hours(4);
  };

  AlertEngine(Options options, const base::Clock& clock);

  absl::Time Now() const;

  // One round: what is not judged in it is unknown, for the cause of its host's failure where there
  // is one. What is to be told now.
  std::vector<v1::AlertNotification> Evaluate(absl::Span<const RuleJudgement> judgements,
                                              absl::Span<const v1::AgentFailure> failures);

  // As in MonitorReport.
  std::vector<v1::Alert> alerts() const;
  uint64_t dropped() const { return not_taken_ + resolved_dropped_; }
  // Those that were told to fire and not yet to be resolved.
  std::vector<v1::Alert> told() const;

  v1::MonitorState Save() const;
  // Of an engine that has not evaluated yet. From the state's time on everything is unknown. Takes
  // all or nothing: InvalidArgument says what is wrong.
  absl::Status Restore(const v1::MonitorState& state);

 private:
  using Key = std::tuple<std::string, std::string, std::string, std::string>;

  using RuleKey = std::tuple<std::string, std::string, std::string>;
  // Judgements by what they are about; of two about the same subject the worse.
  struct Round {
    std::map<RuleKey, std::string> unknown;  // why; empty: judged
    std::map<Key, const Symptom*> symptoms;
  };
  static Round Sort(absl::Span<const RuleJudgement> judgements);

  void AddNew(const Round& round);
  // Whether it now fires, no longer fires, or does so at another level.
  bool Advance(v1::Alert& alert, AlertLevel level, AlertLevel held, absl::Time now);
  bool AdvanceFiring(v1::Alert& alert, AlertLevel level, AlertLevel held, absl::Time now);
  static void Change(v1::Alert& alert, const char* state, absl::Time now);
  bool Tell(v1::Alert& alert, absl::Time now,
            std::vector<v1::AlertNotification>& notifications) const;
  bool IsQuiet(const v1::Alert& alert, absl::Time now) const;
  void KeepResolved(v1::Alert alert);

  const Options options_;
  const base::Clock& clock_;
  const absl::Time started_;
  const int64_t started_ns_;
  std::map<Key, v1::Alert> alerts_;
  std::deque<v1::Alert> resolved_;
  uint64_t not_taken_ = 0;  // in the last round
  uint64_t resolved_dropped_ = 0;
};

}  // namespace tcpfleet::controller
