#include "controller/monitor/threshold.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>

#include "common/base/units.h"

namespace tcpfleet::controller {
namespace {

Symptom SymptomOf(const SeriesDefinition& series, const SubjectValue& value,
                  const std::map<AlertLevel, ThresholdLevel>& levels) {
  Symptom symptom;
  symptom.subject = value.subject;
  symptom.value = value.value;
  symptom.unit = std::string(series.unit);
  for (const auto& [level, threshold] : levels) {
    if (value.value >= threshold.above) symptom.level = level;
    if (value.value < threshold.clear) continue;
    symptom.held = level;
    symptom.threshold = threshold.above;
    symptom.clear_threshold = threshold.clear;
  }
  symptom.held = std::max(symptom.held, symptom.level);
  if (symptom.threshold) {
    symptom.title = absl::StrCat(series.title, ": ", SeriesValueText(series, value.value),
                                 ", threshold ", SeriesValueText(series, *symptom.threshold));
  }
  return symptom;
}

}  // namespace

std::vector<RuleJudgement> JudgeSeries(const std::string& host,
                                       absl::Span<const SeriesReading> readings,
                                       absl::Span<const SeriesThreshold> thresholds) {
  std::vector<RuleJudgement> judgements;
  for (const SeriesReading& reading : readings) {
    for (const SeriesThreshold& threshold : thresholds) {
      if (threshold.series != reading.series) continue;
      RuleJudgement& judgement = judgements.emplace_back();
      judgement.host = host;
      judgement.network_namespace = reading.network_namespace;
      judgement.rule = std::string(reading.series->name);
      judgement.unknown = reading.unknown;
      for (const SubjectValue& value : reading.values) {
        Symptom symptom = SymptomOf(*reading.series, value, threshold.levels);
        if (symptom.held != AlertLevel::kNone) judgement.symptoms.push_back(std::move(symptom));
      }
    }
  }
  return judgements;
}

std::string SeriesValueText(const SeriesDefinition& series, double value) {
  if (series.unit == "share") return absl::StrFormat("%.3g %%", 100 * value);
  const std::string number = base::FormatCount(value);
  return series.unit == "1/s" ? number + "/s" : absl::StrCat(number, " ", series.unit);
}

}  // namespace tcpfleet::controller
