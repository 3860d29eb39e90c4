// What one rule, or the threshold of one series, says about one host now.
#pragma once

#include <absl/types/span.h>

#include <optional>
#include <string>
#include <vector>

#include "controller/monitor/alert_level.h"
#include "tcpfleet/v1/diagnosis.pb.h"

namespace tcpfleet::controller {

struct Symptom {
  std::string subject;  // empty: the host as a whole
  // Reached now, and not left yet: `held` is at least `level`, and above it between the threshold
  // that fires and the one that clears.
  AlertLevel level = AlertLevel::kNone;
  AlertLevel held = AlertLevel::kNone;
  std::string title;
  std::optional<double> value;
  std::optional<double> threshold;
  std::optional<double> clear_threshold;
  std::string unit;
  std::optional<v1::Finding> finding;
};

struct RuleJudgement {
  std::string host;
  std::string network_namespace;
  std::string rule;
  // Why nothing can be said about subjects that are not in `symptoms`; empty: they are fine.
  std::string unknown;
  std::vector<Symptom> symptoms;
};

// What the rules say. `clearing`, when there is one, was made from the same evidence with the
// thresholds below which alerts resolve: what is only there is held, not reached. Of a finding an
// alert keeps what is about its own host.
std::vector<RuleJudgement> JudgementsOf(const v1::DiagnosisReport& report,
                                        const v1::DiagnosisReport* clearing);

}  // namespace tcpfleet::controller
