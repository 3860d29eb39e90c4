#include "agent/load/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace tcpfleet::agent {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

v1::Arrivals Exponential(uint64_t seed) {
  v1::Arrivals arrivals;
  arrivals.set_kind(v1::Arrivals::KIND_EXPONENTIAL);
  arrivals.set_seed(seed);
  return arrivals;
}

v1::RateSegment Segment(uint64_t duration_ms, double from, double to) {
  v1::RateSegment segment;
  segment.set_duration_ms(duration_ms);
  segment.set_from_per_second(from);
  segment.set_to_per_second(to);
  return segment;
}

RateCurve CurveOf(const std::vector<v1::RateSegment>& segments) {
  std::vector<const v1::RateSegment*> pointers;
  for (const v1::RateSegment& segment : segments) pointers.push_back(&segment);
  return RateCurve(pointers);
}

std::vector<int64_t> TimesBefore(ArrivalSequence sequence, int64_t end_ns) {
  std::vector<int64_t> times;
  for (; sequence.next_ns() < end_ns; sequence.Advance()) times.push_back(sequence.next_ns());
  return times;
}

TEST(RateCurve, ConstantRateIsEven) {
  const RateCurve curve(1'000'000);
  EXPECT_EQ(curve.TimeOf(0), 0);
  EXPECT_EQ(curve.TimeOf(1), 1'000);
  EXPECT_EQ(curve.TimeOf(7), 7'000);
  EXPECT_DOUBLE_EQ(curve.PositionAt(7'000), 7);
}

TEST(RateCurve, DoesNotDriftOverAnHour) {
  EXPECT_NEAR(static_cast<double>(RateCurve(3).TimeOf(3 * 3600)), 3600e9, 1);
}

TEST(RateCurve, RampFollowsItsClosedForm) {
  // N(t) = 50 t^2 in the first 2 s, then 200 per second.
  const RateCurve curve = CurveOf({Segment(2'000, 0, 200)});
  for (const double n : {1.0, 2.0, 50.0, 199.0, 200.0}) {
    EXPECT_NEAR(static_cast<double>(curve.TimeOf(n)), std::sqrt(n / 50) * 1e9, 1) << n;
  }
  EXPECT_EQ(curve.TimeOf(300), 2'500'000'000);
  EXPECT_DOUBLE_EQ(curve.PositionAt(2'500'000'000), 300);
}

TEST(RateCurve, FallingRampAndPauseAndStepsFollowEachOther) {
  const RateCurve curve =
      CurveOf({Segment(1'000, 100, 0), Segment(1'000, 0, 0), Segment(1'000, 10, 10)});
  // N(t) = 100 t - 50 t^2.
  EXPECT_NEAR(static_cast<double>(curve.TimeOf(37.5)), 0.5e9, 1);
  EXPECT_EQ(curve.TimeOf(50), kSecondNs);
  EXPECT_EQ(curve.TimeOf(51), 2'100'000'000);
  EXPECT_EQ(curve.TimeOf(70), 4'000'000'000);
  for (const double n : {0.5, 12.0, 49.9, 50.5, 64.0}) {
    EXPECT_NEAR(curve.PositionAt(curve.TimeOf(n)), n, 1e-6) << n;
  }
}

TEST(RateCurve, ARateThatEndsAtZeroNeverGoesOn) {
  const RateCurve curve = CurveOf({Segment(1'000, 10, 10), Segment(1, 0, 0)});
  EXPECT_EQ(curve.TimeOf(10), kSecondNs);
  EXPECT_EQ(curve.TimeOf(10.001), kFarNs);
  EXPECT_EQ(RateCurve(1e-300).TimeOf(1), kFarNs);
}

// Agents that share a fleet's schedule, each with some threads.
struct Fleet {
  const char* name;
  uint32_t stride;
  std::vector<std::vector<uint32_t>> offsets;  // by agent
  std::vector<uint32_t> threads;               // by agent
};
void PrintTo(const Fleet& fleet, std::ostream* out) { *out << fleet.name; }

class FleetSchedule : public testing::TestWithParam<Fleet> {
 protected:
  static std::vector<int64_t> Union(const RateCurve& curve, const v1::Arrivals& arrivals,
                                    int64_t end_ns) {
    std::vector<int64_t> times;
    const Fleet& fleet = GetParam();
    for (size_t agent = 0; agent < fleet.offsets.size(); ++agent) {
      for (uint32_t worker = 0; worker < fleet.threads[agent]; ++worker) {
        const ScheduleSeat seat{fleet.stride, fleet.offsets[agent], worker, fleet.threads[agent]};
        const auto part = TimesBefore(ArrivalSequence(0, curve, seat, arrivals), end_ns);
        EXPECT_TRUE(std::is_sorted(part.begin(), part.end()));
        times.insert(times.end(), part.begin(), part.end());
      }
    }
    std::sort(times.begin(), times.end());
    return times;
  }
};

TEST_P(FleetSchedule, ConstantArrivalsOfAllAreExactlyTheFleets) {
  for (const RateCurve& curve :
       {RateCurve(977), CurveOf({Segment(500, 10, 3'000), Segment(700, 40, 0), Segment(100, 0, 0),
                                 Segment(1, 800, 800)})}) {
    const std::vector<int64_t> together = Union(curve, {}, 2 * kSecondNs);
    const std::vector<int64_t> alone =
        TimesBefore(ArrivalSequence(0, curve, {}, {}), 2 * kSecondNs);
    EXPECT_GT(alone.size(), 1'000u);
    EXPECT_EQ(together, alone);
  }
}

TEST_P(FleetSchedule, ExponentialArrivalsOfAllAreAPoissonProcessOfTheFleetsRate) {
  const std::vector<int64_t> times = Union(RateCurve(2'000), Exponential(7), 10 * kSecondNs);
  const auto count = static_cast<double>(times.size());
  // Five standard deviations.
  EXPECT_NEAR(count, 20'000, 5 * std::sqrt(20'000.0));
  // Gaps of an exponential distribution are as wide as their mean, and 1/e of them exceed it.
  double longer = 0;
  double squares = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    const double gap = static_cast<double>(times[i] - times[i - 1]) / 500'000.0;
    squares += (gap - 1) * (gap - 1);
    if (gap > 1) ++longer;
  }
  EXPECT_NEAR(squares / count, 1, 0.06);
  EXPECT_NEAR(longer / count, std::exp(-1), 0.02);
}

INSTANTIATE_TEST_SUITE_P(
    Deals, FleetSchedule,
    testing::Values(Fleet{"one", 1, {{0}}, {1}}, Fleet{"threads", 1, {{0}}, {3}},
                    Fleet{"two agents", 2, {{0}, {1}}, {2, 1}},
                    Fleet{"weighted", 7, {{0, 2, 4, 6}, {1, 5}, {3}}, {3, 2, 4}}));

TEST(ArrivalSequence, ExponentialArrivalsRepeatWithTheirSeedOnly) {
  const auto times = [](uint64_t seed, uint32_t worker) {
    return TimesBefore(ArrivalSequence(5, RateCurve(100), {1, {0}, worker, 2}, Exponential(seed)),
                       kSecondNs);
  };
  EXPECT_EQ(times(1, 0), times(1, 0));
  EXPECT_NE(times(1, 0), times(2, 0));
  EXPECT_NE(times(1, 0), times(1, 1));
}

TEST(ArrivalSequence, CountsConstantArrivalsAheadExactly) {
  const ScheduleSeat seat{7, {0, 2, 3}, 1, 2};
  ArrivalSequence sequence(100, CurveOf({Segment(1'000, 0, 5'000), Segment(1'000, 100, 100)}), seat,
                           {});
  for (int i = 0; i < 10; ++i) sequence.Advance();
  for (const int64_t time_ns : {int64_t{0}, sequence.next_ns(), sequence.next_ns() + 1,
                                int64_t{400'000'000}, int64_t{1'500'000'000}}) {
    EXPECT_EQ(sequence.CountBefore(time_ns), TimesBefore(sequence, time_ns).size()) << time_ns;
  }
}

TEST(ArrivalSequence, StaysInRangeAtAbsurdlyLowRates) {
  ArrivalSequence sequence(5, RateCurve(1e-300), {1, {0}, 1, 2}, {});
  EXPECT_EQ(sequence.next_ns(), 5 + kFarNs);
  EXPECT_EQ(sequence.CountBefore(kFarNs), 0u);
  sequence.Advance();
  EXPECT_EQ(sequence.next_ns(), 5 + kFarNs);
}

TEST(ShareOf, LosesNoRemainder) {
  for (const uint32_t total : {1u, 7u, 64u, 100'000u}) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 5; ++i) sum += ShareOf(total, i, 5);
    EXPECT_EQ(sum, total);
  }
  EXPECT_EQ(ShareOf(7, 0, 3), 3u);
  EXPECT_EQ(ShareOf(7, 2, 3), 2u);
}

}  // namespace
}  // namespace tcpfleet::agent
