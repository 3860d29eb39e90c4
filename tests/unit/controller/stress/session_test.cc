#include "controller/stress/session.h"

#include <gtest/gtest.h>

#include "tests/unit/controller/stress/view_fixture.h"

namespace tcpfleet::controller {
namespace {

// Elapsed seconds of what is kept of a run that reported `intervals` times, every second.
std::vector<double> KeptOf(int intervals, int agents) {
  tests::ViewFixture fixture;
  std::vector<const Participant*> participants;
  for (int i = 0; i < agents; ++i) participants.push_back(&fixture.Add("a" + std::to_string(i)));
  const RunHistograms histograms;
  IntervalCollector collector;
  for (int second = 1; second <= intervals; ++second) {
    collector.OnInterval({.participants = participants,
                          .interval = histograms,
                          .elapsed_ns = int64_t{second} * 1'000'000'000});
  }
  std::vector<double> elapsed;
  for (const v1::StressInterval& interval : collector.Take()) {
    elapsed.push_back(interval.elapsed_seconds());
  }
  return elapsed;
}

TEST(IntervalCollector, KeepsAllOfAShortRun) { EXPECT_EQ(KeptOf(3'600, 1).size(), 3'600); }

TEST(IntervalCollector, ThinsALongRunEvenly) {
  const std::vector<double> kept = KeptOf(20'000, 1);
  EXPECT_LE(kept.size(), kMostKeptIntervals);
  EXPECT_GE(kept.size(), kMostKeptIntervals / 2);
  for (size_t i = 1; i < kept.size(); ++i) EXPECT_EQ(kept[i] - kept[i - 1], 8);
}

TEST(IntervalCollector, KeepsFewerIntervalsOfManyAgents) {
  EXPECT_LE(KeptOf(600, 400).size() * 400, kMostKeptResults);
}

}  // namespace
}  // namespace tcpfleet::controller
