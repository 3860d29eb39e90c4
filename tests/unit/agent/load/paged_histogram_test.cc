#include "agent/load/paged_histogram.h"

#include <gtest/gtest.h>

#include "common/stats/histogram_proto.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

TEST(PagedHistogram, SaysTheSameAsTheWholeOne) {
  stats::Histogram whole;
  PagedHistogram paged;
  PagedHistogram part;
  // Small enough for sums that are exact in any order.
  for (uint64_t value = 1; value < uint64_t{1} << 51; value = value * 3 + 1) {
    whole.Record(value);
    (value % 2 == 0 ? paged : part).Record(value);
  }
  paged.Merge(part);
  EXPECT_EQ(paged.ToDelta().SerializeAsString(), stats::ToDelta(whole).SerializeAsString());
  EXPECT_EQ(paged.count(), whole.count());
}

TEST(PagedHistogram, IsAsNewAfterClear) {
  PagedHistogram histogram;
  histogram.Record(5);
  histogram.Clear();
  EXPECT_EQ(histogram.ToDelta().ByteSizeLong(), 0u);
  histogram.Record(9);
  stats::Histogram expected;
  expected.Record(9);
  EXPECT_EQ(histogram.ToDelta().SerializeAsString(), stats::ToDelta(expected).SerializeAsString());
}

}  // namespace
}  // namespace tcpfleet::agent
