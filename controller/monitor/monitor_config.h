// What `tcpfleet monitor --config FILE` says, in YAML:
//
//   interval: 10s              # between two rounds
//   for: 30s                   # a condition holds so long before it fires,
//   clear_for: 2m              # and is gone so long before it resolves
//   notify_interval: 10m       # at most one notification per alert in this time
//   repeat_interval: 4h        # reminders of what still fires; `never`
//   series:                    # series.h has their names
//     connections: {warn: 50k, crit: 90k}
//     port_use: {warn: 70%, crit: {above: 90%, clear: 85%}, for: 0s}
//   rules:                     # as in `diagnose --rules FILE`
//     accept-queue-near-full: {full_share: 0.8}
//     short-connection-churn: off
//   clear:                     # rules resolve below these instead
//     accept-queue-near-full: {full_share: 0.5}
//   timing:                    # of single rules
//     accept-queue-overflow: {for: 0s, clear_for: 5m}
//   sinks:
//     - jsonl: {path: /var/log/tcpfleet/alerts.jsonl}
//     - webhook: {url: "https://alerts.example:9093", labels: {team: net}, least_severity: crit}
//     - command: {run: [/usr/local/bin/page, --now], timeout: 10s}
//
// Errors: InvalidArgument "FILE:LINE: what is wrong, what would be right".
// Bounds: kMostConfigBytes, kMostSinks.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "controller/monitor/alert_engine.h"
#include "controller/monitor/sink_options.h"
#include "controller/monitor/threshold.h"

namespace tcpfleet::controller {

inline constexpr size_t kMostConfigBytes = size_t{1} << 20;
inline constexpr size_t kMostSinks = 16;

// Ids of rules, and the names of their parameters.
using KnownRules = std::map<std::string, std::vector<std::string>>;
// By rule and parameter.
using RuleNumbers = std::map<std::string, std::map<std::string, double>>;

struct MonitorConfig {
  absl::Duration interval = absl::Seconds(10);
  AlertTiming timing{.hold = absl::Seconds(30), .clear = absl::Minutes(2)};
  std::map<std::string, AlertTiming> timings;  // by rule or series
  absl::Duration notify_interval = absl::Minutes(10);
  absl::Duration repeat_interval = absl::Hours(4);
  std::vector<SeriesThreshold> series;  // a series once at most
  RuleNumbers rules;
  RuleNumbers clear;
  std::set<std::string> rules_off;
  std::vector<SinkOptions> sinks;

  AlertTiming TimingOf(const std::string& rule) const;
};

absl::StatusOr<MonitorConfig> ParseMonitorConfig(const std::string& path, absl::string_view yaml,
                                                 const KnownRules& known_rules);
absl::StatusOr<MonitorConfig> LoadMonitorConfig(const std::string& path,
                                                const KnownRules& known_rules);

}  // namespace tcpfleet::controller
