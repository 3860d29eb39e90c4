#include "common/stats/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace tcpfleet::stats {
namespace {

// Latencies over six decades.
std::vector<uint64_t> LogUniformValues(size_t count) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(0, 6);
  std::vector<uint64_t> values(count);
  for (uint64_t& value : values) {
    value = static_cast<uint64_t>(1000 * std::pow(10, exponent(random)));
  }
  return values;
}

TEST(Histogram, IsEmptyAtFirst) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_EQ(histogram.Mean(), 0);
  EXPECT_EQ(histogram.Percentile(99), 0);
}

TEST(Histogram, BucketsCoverEveryValueWithoutGapOrOverlap) {
  for (size_t bucket = 0; bucket + 1 < Histogram::kBuckets; ++bucket) {
    ASSERT_EQ(Histogram::BucketStart(bucket) + Histogram::BucketWidth(bucket),
              Histogram::BucketStart(bucket + 1));
    ASSERT_EQ(Histogram::BucketOf(Histogram::BucketStart(bucket)), bucket);
    ASSERT_EQ(Histogram::BucketOf(Histogram::BucketStart(bucket + 1) - 1), bucket);
  }
  EXPECT_EQ(Histogram::BucketOf(std::numeric_limits<uint64_t>::max()), Histogram::kBuckets - 1);
}

TEST(Histogram, BucketsAreAtMostOne128thOfTheirValuesWide) {
  for (size_t bucket = 1; bucket < Histogram::kBuckets; ++bucket) {
    if (Histogram::BucketWidth(bucket) == 1) continue;
    ASSERT_LE(Histogram::BucketWidth(bucket) * 128, Histogram::BucketStart(bucket)) << bucket;
  }
}

TEST(Histogram, PercentilesAreWithinOne128thOfTheExactOnes) {
  std::vector<uint64_t> values = LogUniformValues(50'000);
  Histogram histogram;
  for (const uint64_t value : values) histogram.Record(value);
  std::sort(values.begin(), values.end());
  for (const double percent : {0.0, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const double share = percent / 100 * static_cast<double>(values.size());
    const size_t rank = std::max<size_t>(1, static_cast<size_t>(std::ceil(share)));
    const auto exact = static_cast<double>(values[rank - 1]);
    EXPECT_NEAR(histogram.Percentile(percent), exact, exact / 128) << percent;
  }
}

TEST(Histogram, ExtremesSumAndMeanAreExact) {
  Histogram histogram;
  for (const uint64_t value : {1'000'003u, 17u, 5'000u}) histogram.Record(value);
  EXPECT_EQ(histogram.min(), 17u);
  EXPECT_EQ(histogram.max(), 1'000'003u);
  EXPECT_EQ(histogram.sum(), 1'005'020);
  EXPECT_DOUBLE_EQ(histogram.Mean(), 1'005'020.0 / 3);
  EXPECT_EQ(histogram.Percentile(100), 1'000'003);
  EXPECT_EQ(histogram.Percentile(0), 17);
}

class HistogramMerge : public testing::TestWithParam<size_t> {};

TEST_P(HistogramMerge, OfShardsEqualsOneHistogramOfAllValues) {
  const size_t shard_count = GetParam();
  Histogram whole;
  std::vector<Histogram> shards(shard_count);
  size_t next = 0;
  for (const uint64_t value : LogUniformValues(20'000)) {
    whole.Record(value);
    shards[next++ % shard_count].Record(value);
  }
  Histogram merged;
  for (const Histogram& shard : shards) merged.Merge(shard);
  EXPECT_EQ(merged.counts(), whole.counts());
  EXPECT_EQ(merged.count(), whole.count());
  EXPECT_EQ(merged.min(), whole.min());
  EXPECT_EQ(merged.max(), whole.max());
  EXPECT_DOUBLE_EQ(merged.sum(), whole.sum());
  EXPECT_EQ(merged.Percentile(99.9), whole.Percentile(99.9));
}

INSTANTIATE_TEST_SUITE_P(Shards, HistogramMerge, testing::Values(1, 10, 1000));

TEST(Histogram, MergingAnEmptyOneChangesNothing) {
  Histogram histogram;
  histogram.Record(5);
  histogram.Merge(Histogram());
  EXPECT_EQ(histogram.count(), 1u);
  EXPECT_EQ(histogram.min(), 5u);
}

TEST(Histogram, ClearForgetsEverything) {
  Histogram histogram;
  histogram.Record(5);
  histogram.Clear();
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.counts(), Histogram().counts());
  histogram.Record(9);
  EXPECT_EQ(histogram.min(), 9u);
  EXPECT_EQ(histogram.max(), 9u);
}

}  // namespace
}  // namespace tcpfleet::stats
