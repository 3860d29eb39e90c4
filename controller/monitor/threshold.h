// Where series begin to matter. Pure.
#pragma once

#include <absl/types/span.h>

#include <map>
#include <string>
#include <vector>

#include "controller/monitor/judgement.h"
#include "controller/monitor/series.h"

namespace tcpfleet::controller {

struct ThresholdLevel {
  double above = 0;  // reached at this
  double clear = 0;  // left below this; at most `above`
};

struct SeriesThreshold {
  const SeriesDefinition* series = nullptr;
  // By what is reached; ascending thresholds.
  std::map<AlertLevel, ThresholdLevel> levels;
};

// One judgement for each reading whose series has a threshold. Subjects below all of them have no
// symptom.
std::vector<RuleJudgement> JudgeSeries(const std::string& host,
                                       absl::Span<const SeriesReading> readings,
                                       absl::Span<const SeriesThreshold> thresholds);

// "12.3k connections", "0.2 %", "31.4/s": a value of a series as people read it.
std::string SeriesValueText(const SeriesDefinition& series, double value);

}  // namespace tcpfleet::controller
