#include "controller/monitor/threshold.h"

#include <gtest/gtest.h>

#include <vector>

namespace tcpfleet::controller {
namespace {

const SeriesDefinition* const kConnections = FindSeriesDefinition("connections");

std::vector<SeriesThreshold> Thresholds() {
  return {{kConnections,
           {{AlertLevel::kWarn, {.above = 100, .clear = 90}},
            {AlertLevel::kCrit, {.above = 200, .clear = 150}}}}};
}

SeriesReading Reading(double value) {
  return {.series = kConnections,
          .network_namespace = "blue",
          .unknown = "",
          .values = {{.subject = "", .value = value}}};
}

TEST(SeriesThreshold, ReachesAndHoldsLevels) {
  const auto symptom = [](double value) {
    const std::vector<RuleJudgement> judgements =
        JudgeSeries("web1", {Reading(value)}, Thresholds());
    EXPECT_EQ(judgements.size(), 1u);
    return judgements[0].symptoms.empty() ? Symptom() : judgements[0].symptoms[0];
  };
  EXPECT_EQ(symptom(89).held, AlertLevel::kNone);
  EXPECT_EQ(symptom(90).level, AlertLevel::kNone);
  EXPECT_EQ(symptom(90).held, AlertLevel::kWarn);
  EXPECT_EQ(symptom(100).level, AlertLevel::kWarn);
  EXPECT_EQ(symptom(149).held, AlertLevel::kWarn);
  EXPECT_EQ(symptom(150).level, AlertLevel::kWarn);
  EXPECT_EQ(symptom(150).held, AlertLevel::kCrit);
  EXPECT_EQ(symptom(200).level, AlertLevel::kCrit);
  EXPECT_EQ(*symptom(200).threshold, 200);
  EXPECT_EQ(*symptom(200).clear_threshold, 150);
  EXPECT_EQ(symptom(250).title, "many connections: 250 connections, threshold 200 connections");
}

TEST(SeriesThreshold, JudgesEachSubject) {
  SeriesReading reading = Reading(250);
  reading.values[0].subject = "a";
  reading.values.push_back({"b", 120});
  reading.values.push_back({"c", 10});
  const std::vector<RuleJudgement> judgements = JudgeSeries("web1", {reading}, Thresholds());
  ASSERT_EQ(judgements.size(), 1u);
  EXPECT_EQ(judgements[0].network_namespace, "blue");
  EXPECT_EQ(judgements[0].rule, "connections");
  ASSERT_EQ(judgements[0].symptoms.size(), 2u);
  EXPECT_EQ(judgements[0].symptoms[1].subject, "b");
}

TEST(SeriesThreshold, OfWhatIsUnknownIsUnknown) {
  SeriesReading reading = Reading(0);
  reading.values.clear();
  reading.unknown = "no socket dump";
  EXPECT_EQ(JudgeSeries("web1", {reading}, Thresholds())[0].unknown, "no socket dump");
  EXPECT_TRUE(JudgeSeries("web1", {reading}, {}).empty());
}

TEST(SeriesThreshold, ValuesHaveUnits) {
  EXPECT_EQ(SeriesValueText(*FindSeriesDefinition("port_use"), 0.7), "70 %");
  EXPECT_EQ(SeriesValueText(*FindSeriesDefinition("connect_rate"), 950), "950/s");
}

}  // namespace
}  // namespace tcpfleet::controller
