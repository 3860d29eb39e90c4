#include "common/stats/histogram_proto.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/status_matchers.h"

namespace tcpfleet::stats {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

v1::HistogramDelta DeltaOf(std::initializer_list<uint32_t> steps,
                           std::initializer_list<uint64_t> counts) {
  v1::HistogramDelta delta;
  for (const uint32_t step : steps) delta.add_bucket_deltas(step);
  for (const uint64_t count : counts) delta.add_counts(count);
  delta.set_min(1);
  delta.set_max(2);
  return delta;
}

TEST(HistogramDelta, RoundTripLosesNothing) {
  Histogram histogram;
  for (const uint64_t value :
       {uint64_t{0}, uint64_t{0}, uint64_t{127}, uint64_t{1'000'000}, ~uint64_t{0}}) {
    histogram.Record(value);
  }
  Histogram copy;
  ASSERT_THAT(AddDelta(ToDelta(histogram), copy), IsOk());
  EXPECT_EQ(copy.counts(), histogram.counts());
  EXPECT_EQ(copy.count(), histogram.count());
  EXPECT_EQ(copy.min(), 0u);
  EXPECT_EQ(copy.max(), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(copy.sum(), histogram.sum());
}

TEST(HistogramDelta, OfSeveralIntervalsAddUpToTheWhole) {
  Histogram whole;
  Histogram gathered;
  for (uint64_t interval = 0; interval < 5; ++interval) {
    Histogram part;
    for (uint64_t i = 0; i < 1000; ++i) {
      part.Record(interval * 10'000 + i * 7);
      whole.Record(interval * 10'000 + i * 7);
    }
    ASSERT_THAT(AddDelta(ToDelta(part), gathered), IsOk());
  }
  EXPECT_EQ(gathered.counts(), whole.counts());
  EXPECT_EQ(gathered.max(), whole.max());
}

TEST(HistogramDelta, OfNothingIsEmptyAndChangesNothing) {
  const v1::HistogramDelta delta = ToDelta(Histogram());
  EXPECT_EQ(delta.ByteSizeLong(), 0u);
  Histogram histogram;
  ASSERT_THAT(AddDelta(delta, histogram), IsOk());
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
}

TEST(HistogramDelta, StaysBelowTwoKibibytesForOnePeakOfLatencies) {
  Histogram histogram;
  for (uint64_t i = 0; i < 100'000; ++i) histogram.Record(50'000 + (i * 7919) % 50'000);
  EXPECT_LE(ToDelta(histogram).ByteSizeLong(), 2048u);
}

TEST(HistogramDelta, RefusesListsOfUnequalLength) {
  Histogram histogram;
  EXPECT_THAT(AddDelta(DeltaOf({1, 2}, {5}), histogram),
              StatusIs(kInvalid, HasSubstr("2 buckets")));
  EXPECT_THAT(AddDelta(DeltaOf({}, {5}), histogram), StatusIs(kInvalid));
  EXPECT_EQ(histogram.count(), 0u);
}

TEST(HistogramDelta, RefusesBucketsBeyondTheLayoutWholly) {
  Histogram histogram;
  EXPECT_THAT(AddDelta(DeltaOf({1, Histogram::kBuckets - 1}, {1, 1}), histogram),
              StatusIs(kInvalid, HasSubstr("7424")));
  // Steps whose sum would overflow 32 bits.
  EXPECT_THAT(AddDelta(DeltaOf({5, 0xffffffff, 0xffffffff}, {1, 1, 1}), histogram),
              StatusIs(kInvalid));
  EXPECT_EQ(histogram.count(), 0u);
}

TEST(HistogramDelta, RefusesCountsWithoutExtremes) {
  v1::HistogramDelta delta = DeltaOf({1}, {1});
  delta.clear_max();
  Histogram histogram;
  EXPECT_THAT(AddDelta(delta, histogram), StatusIs(kInvalid, HasSubstr("extremes")));
}

}  // namespace
}  // namespace tcpfleet::stats
