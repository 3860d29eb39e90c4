#include "controller/monitor/series_history.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tcpfleet::controller {
namespace {

const absl::Time kBegin = absl::FromUnixSeconds(1'700'000'040);  // a whole minute

v1::SeriesSummary SummaryOf(const SeriesHistory& history) {
  v1::SeriesSummary summary;
  history.Summarize(summary);
  return summary;
}

TEST(SeriesHistory, SummarizesAllOfIt) {
  SeriesHistory history(1, absl::Hours(1), absl::Seconds(10));
  for (int i = 1; i <= 1000; ++i) history.Record(kBegin + absl::Seconds(10 * i), i);
  const v1::SeriesSummary summary = SummaryOf(history);
  EXPECT_EQ(summary.samples(), 1000u);
  EXPECT_EQ(summary.min(), 1);
  EXPECT_EQ(summary.max(), 1000);
  EXPECT_EQ(summary.last(), 1000);
  EXPECT_DOUBLE_EQ(summary.mean(), 500.5);
  EXPECT_NEAR(summary.p50(), 500, 5);
  EXPECT_NEAR(summary.p90(), 900, 9);
  EXPECT_NEAR(summary.p99(), 990, 10);
}

TEST(SeriesHistory, KeepsPercentilesOfSharesToo) {
  SeriesHistory history(1e-6, absl::Hours(1), absl::Seconds(10));
  for (int i = 0; i <= 100; ++i) history.Record(kBegin + absl::Seconds(i), i / 100.0);
  EXPECT_NEAR(SummaryOf(history).p90(), 0.9, 0.01);
}

TEST(SeriesHistory, KeepsEveryPointOfAnHourAndExtremesOfADay) {
  SeriesHistory hour(1, absl::Hours(1), absl::Seconds(10));
  for (int i = 0; i < 1000; ++i) hour.Record(kBegin + absl::Seconds(10 * i), i);
  const v1::SeriesSummary of_hour = SummaryOf(hour);
  ASSERT_EQ(of_hour.points_size(), 360);
  EXPECT_EQ(of_hour.points(0).seconds(), 10);
  EXPECT_EQ(of_hour.points(0).mean(), 640);

  SeriesHistory day(1, absl::Hours(24), absl::Seconds(10));
  for (int i = 0; i < 24 * 360; ++i) day.Record(kBegin + absl::Seconds(10 * i), i == 5000 ? 99 : 1);
  const v1::SeriesSummary of_day = SummaryOf(day);
  EXPECT_LE(of_day.points_size(), 360);
  double highest = 0;
  uint64_t samples = 0;
  for (const v1::SeriesPoint& point : of_day.points()) {
    EXPECT_EQ(point.seconds(), 240);
    highest = std::max(highest, point.max());
    samples += point.samples();
  }
  EXPECT_EQ(highest, 99);
  EXPECT_GE(samples, 24u * 360 - 24);
}

TEST(SeriesHistory, HasNoPointWhereNothingWasKnown) {
  SeriesHistory history(1, absl::Hours(1), absl::Seconds(10));
  history.Record(kBegin, 5);
  history.RecordUnknown("no answer");
  history.Record(kBegin + absl::Minutes(10), 7);
  history.RecordUnknown("counter reset");
  const v1::SeriesSummary summary = SummaryOf(history);
  EXPECT_EQ(summary.points_size(), 2);
  EXPECT_EQ(summary.unknown(), 2u);
  EXPECT_EQ(summary.unknown_why(), "counter reset");
  EXPECT_FALSE(summary.has_last());
  ASSERT_EQ(history.recent().size(), 2u);
  EXPECT_EQ(history.recent()[1].seconds, 600);
}

TEST(SeriesHistory, TakesNoNumberThatIsNone) {
  SeriesHistory history(1, absl::Hours(1), absl::Seconds(10));
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -1.0}) {
    history.Record(kBegin, value);
  }
  const v1::SeriesSummary summary = SummaryOf(history);
  EXPECT_EQ(summary.samples(), 0u);
  EXPECT_EQ(summary.unknown(), 3u);
  EXPECT_FALSE(summary.has_min());
  history.Record(kBegin, 1e308);
  history.Record(kBegin, 1e308);
  EXPECT_EQ(SummaryOf(history).mean(), 1e308);
  EXPECT_TRUE(std::isfinite(SummaryOf(history).p50()));
}

}  // namespace
}  // namespace tcpfleet::controller
