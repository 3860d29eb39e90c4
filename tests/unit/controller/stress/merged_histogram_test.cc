#include "controller/stress/merged_histogram.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "common/stats/histogram_proto.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

v1::HistogramDelta Delta(const std::vector<uint64_t>& values) {
  stats::Histogram histogram;
  for (const uint64_t value : values) histogram.Record(value);
  return stats::ToDelta(histogram);
}

MergedHistogram Of(const std::vector<uint64_t>& values) {
  MergedHistogram histogram;
  EXPECT_THAT(histogram.Add(Delta(values)), IsOk());
  return histogram;
}

TEST(MergedHistogram, OfAnyNumberOfShardsIsOneFedWithEverything) {
  std::mt19937_64 random(5);
  std::lognormal_distribution<double> latency_ns(12, 2);
  for (const size_t shards : {1, 10, 1'000}) {
    stats::Histogram all;
    std::vector<stats::Histogram> parts(shards);
    for (int i = 0; i < 20'000; ++i) {
      const auto value = static_cast<uint64_t>(latency_ns(random));
      all.Record(value);
      parts[random() % shards].Record(value);
    }
    MergedHistogram added;
    MergedHistogram merged;
    for (const stats::Histogram& part : parts) {
      ASSERT_THAT(added.Add(stats::ToDelta(part)), IsOk());
      MergedHistogram of_part;
      ASSERT_THAT(of_part.Add(stats::ToDelta(part)), IsOk());
      merged.Merge(of_part);
    }
    for (const MergedHistogram& histogram : {added, merged}) {
      v1::HistogramDelta delta = histogram.ToDelta();
      EXPECT_NEAR(delta.sum(), all.sum(), all.sum() * 1e-9);  // adding doubles is not associative
      delta.set_sum(all.sum());
      EXPECT_EQ(delta.SerializeAsString(), stats::ToDelta(all).SerializeAsString()) << shards;
      for (const double percent : {0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
        EXPECT_EQ(histogram.Percentile(percent), all.Percentile(percent));
      }
    }
  }
}

TEST(MergedHistogram, GrowsAtBothEnds) {
  MergedHistogram histogram = Of({1'000});
  ASSERT_THAT(histogram.Add(Delta({0, std::numeric_limits<uint64_t>::max()})), IsOk());
  EXPECT_EQ(histogram.ToDelta().SerializeAsString(),
            Delta({1'000, 0, std::numeric_limits<uint64_t>::max()}).SerializeAsString());
}

TEST(MergedHistogram, TakesAPartOut) {
  const MergedHistogram all = Of({100, 200, 1'000'000'000, 3'000'000'000});
  const MergedHistogram slow = Of({1'000'000'000, 3'000'000'000});
  const v1::Distribution rest = all.Without(slow).ToDistribution(1);
  EXPECT_EQ(rest.count(), 2u);
  EXPECT_EQ(rest.min(), 100);
  EXPECT_NEAR(rest.max(), 200, 200.0 / 128);  // its bucket
  EXPECT_EQ(rest.mean(), 150);
  EXPECT_TRUE(all.Without(all).empty());
  EXPECT_EQ(all.Without({}).ToDelta().SerializeAsString(), all.ToDelta().SerializeAsString());
  EXPECT_TRUE(MergedHistogram().Without(all).empty());
}

TEST(MergedHistogram, DoesNotGoBelowNothingWhenThePartIsNoPart) {
  const v1::Distribution rest = Of({100}).Without(Of({100, 100, 5'000})).ToDistribution(1);
  EXPECT_EQ(rest.count(), 0u);
}

TEST(MergedHistogram, RefusesWhatCannotBe) {
  MergedHistogram histogram = Of({7});
  const auto refuse = [&](const v1::HistogramDelta& delta, const char* complaint) {
    EXPECT_THAT(histogram.Add(delta),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(complaint)));
    EXPECT_EQ(histogram.count(), 1u);
  };
  v1::HistogramDelta delta = Delta({1, 2});
  delta.add_counts(1);
  refuse(delta, "2 buckets but 3 counts");
  delta = Delta({1});
  delta.set_bucket_deltas(0, 7'424);
  refuse(delta, "bucket 7424");
  delta = Delta({1});
  delta.clear_min();
  refuse(delta, "extremes");
  delta = Delta({5});
  delta.set_max(4);
  refuse(delta, "extremes");
  delta = Delta({1, 2});
  delta.set_counts(0, std::numeric_limits<uint64_t>::max());
  delta.set_counts(1, 2);
  refuse(delta, "more values");
  delta = Delta({1});
  delta.set_sum(std::numeric_limits<double>::quiet_NaN());
  refuse(delta, "sum");
}

}  // namespace
}  // namespace tcpfleet::controller
