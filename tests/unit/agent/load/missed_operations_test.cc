#include "agent/load/missed_operations.h"

#include <gtest/gtest.h>

namespace tcpfleet::agent {
namespace {

constexpr int64_t kMs = 1'000'000;

stats::Histogram OneByOne(ArrivalSequence sequence, const MissedTime& time) {
  stats::Histogram histogram;
  for (; sequence.next_ns() < time.until_ns; sequence.Advance()) {
    if (sequence.next_ns() < time.from_ns) continue;
    histogram.Record(static_cast<uint64_t>(time.end_ns - sequence.next_ns()));
  }
  return histogram;
}

TEST(RecordMissed, CountsConstantArrivalsAsIfOneByOne) {
  const ArrivalSequence start(0, RateCurve(9'973), {3, {0, 2}, 1, 2}, {});
  for (const MissedTime& time :
       {MissedTime{0, 1'000 * kMs, 1'000 * kMs}, MissedTime{100 * kMs, 700 * kMs, 1'000 * kMs},
        MissedTime{500 * kMs, 500 * kMs, 600 * kMs}}) {
    ArrivalSequence sequence = start;
    for (int i = 0; i < 20; ++i) sequence.Advance();
    const stats::Histogram expected = OneByOne(sequence, time);
    stats::Histogram histogram;
    EXPECT_EQ(RecordMissed(sequence, time, histogram), expected.count());
    EXPECT_EQ(histogram.counts(), expected.counts());
    EXPECT_NEAR(histogram.sum(), expected.sum(), expected.sum() / 128);
    EXPECT_NEAR(static_cast<double>(histogram.max()), static_cast<double>(expected.max()),
                static_cast<double>(expected.max()) / 128);
  }
}

TEST(RecordMissed, TakesExponentialArrivalsThemselves) {
  v1::Arrivals arrivals;
  arrivals.set_kind(v1::Arrivals::KIND_EXPONENTIAL);
  ArrivalSequence sequence(0, RateCurve(5'000), {}, arrivals);
  const MissedTime time{200 * kMs, 900 * kMs, 1'000 * kMs};
  const stats::Histogram expected = OneByOne(sequence, time);
  stats::Histogram histogram;
  EXPECT_EQ(RecordMissed(sequence, time, histogram), expected.count());
  EXPECT_EQ(histogram.counts(), expected.counts());
  EXPECT_EQ(histogram.max(), expected.max());
}

TEST(RecordMissed, TakesNoLongerForThousandsOfMillions) {
  for (const auto kind : {v1::Arrivals::KIND_CONSTANT, v1::Arrivals::KIND_EXPONENTIAL}) {
    v1::Arrivals arrivals;
    arrivals.set_kind(kind);
    ArrivalSequence sequence(0, RateCurve(1e9), {}, arrivals);
    stats::Histogram histogram;
    const uint64_t missed =
        RecordMissed(sequence, {0, 3'600'000 * kMs, 3'600'000 * kMs}, histogram);
    EXPECT_NEAR(static_cast<double>(missed), 3.6e12, 1e7);
    EXPECT_EQ(histogram.count(), missed);
    EXPECT_NEAR(histogram.Mean(), 1.8e12, 1e9);
  }
}

}  // namespace
}  // namespace tcpfleet::agent
