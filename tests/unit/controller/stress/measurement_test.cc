#include "controller/stress/measurement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "common/sockets/frame_encoder.h"
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

v1::Progress Progress(uint64_t succeeded, double measured_seconds) {
  v1::Progress progress;
  progress.set_measured(measured_seconds > 0);
  progress.set_monotonic_ns(static_cast<int64_t>((measured_seconds + 5) * 1e9));
  progress.mutable_counters()->set_attempted(succeeded);
  progress.mutable_counters()->set_succeeded(succeeded);
  progress.mutable_counters()->set_measured_seconds(measured_seconds);
  return progress;
}

TEST(Measurement, ReplacesCountersAndAddsHistograms) {
  Measurement measurement;
  v1::Progress first = Progress(10, 1);
  *first.mutable_connect_latency() = Delta({1'000, 2'000});
  v1::Progress second = Progress(30, 2);
  *second.mutable_connect_latency() = Delta({90'000});
  ASSERT_THAT(measurement.Apply(first), IsOk());
  ASSERT_THAT(measurement.Apply(second), IsOk());
  v1::RunResult result;
  measurement.FillResult(result);
  EXPECT_EQ(result.succeeded(), 30u);
  EXPECT_EQ(result.rate_per_second(), 15);
  EXPECT_EQ(result.connect_latency_us().count(), 3u);
  EXPECT_EQ(result.connect_latency_us().min(), 1);
  EXPECT_EQ(result.connect_latency_us().max(), 90);
  EXPECT_EQ(result.connect_latency_us().mean(), 31);
  EXPECT_EQ(measurement.live().rate_per_second, 20);  // of the last interval
}

TEST(Measurement, ForgetsTheWarmUp) {
  Measurement measurement;
  v1::Progress warm_up = Progress(500, 0);
  *warm_up.mutable_connect_latency() = Delta({900'000'000});
  warm_up.mutable_counters()->set_connections_opened(500);
  ASSERT_THAT(measurement.Apply(warm_up), IsOk());
  v1::RunResult result;
  measurement.FillResult(result);
  EXPECT_EQ(result.attempted(), 0u);
  EXPECT_FALSE(result.has_connect_latency_us());
  EXPECT_FALSE(result.has_failed_percent());
  EXPECT_EQ(result.connections_opened(), 500u);  // of the whole run

  v1::Progress measured = Progress(10, 1);
  *measured.mutable_connect_latency() = Delta({1'000});
  ASSERT_THAT(measurement.Apply(measured), IsOk());
  measurement.FillResult(result);
  EXPECT_EQ(result.connect_latency_us().count(), 1u);
  EXPECT_EQ(result.connect_latency_us().max(), 1);
}

TEST(Measurement, MergesLikeOneHistogramFedWithEverything) {
  Measurement a;
  Measurement b;
  v1::Progress of_a = Progress(3, 1);
  *of_a.mutable_response_latency() = Delta({1'000, 5'000, 7'000'000});
  v1::Progress of_b = Progress(1, 1);
  *of_b.mutable_response_latency() = Delta({3'000});
  ASSERT_THAT(a.Apply(of_a), IsOk());
  ASSERT_THAT(b.Apply(of_b), IsOk());
  v1::RunResult total;
  RunHistograms histograms;
  a.AddTo(total, histograms);
  b.AddTo(total, histograms);
  FinishTotal(histograms, total);
  EXPECT_EQ(histograms.response_ns->counts(), [] {
    stats::Histogram all;
    for (const uint64_t value : {1'000, 5'000, 7'000'000, 3'000}) all.Record(value);
    return all.counts();
  }());
  EXPECT_EQ(total.succeeded(), 4u);
  EXPECT_EQ(total.response_latency_us().count(), 4u);
}

TEST(Measurement, TakesTheNewestTcpInfoScalars) {
  Measurement measurement;
  for (const uint64_t retransmits : {2, 5}) {
    v1::Progress progress = Progress(1, 1);
    progress.mutable_tcp_info()->set_total_retransmits(retransmits);
    progress.mutable_tcp_info()->set_connections_sampled(8);
    *progress.mutable_tcp_info()->mutable_rtt_us() = Delta({40});
    ASSERT_THAT(measurement.Apply(progress), IsOk());
  }
  v1::RunResult result;
  measurement.FillResult(result);
  EXPECT_EQ(result.tcp_info().total_retransmits(), 5u);
  EXPECT_EQ(result.tcp_info().connections_sampled(), 8u);
  EXPECT_EQ(result.tcp_info().rtt_us().count(), 2u);
  EXPECT_EQ(result.tcp_info().rtt_us().max(), 40);
  EXPECT_EQ(measurement.live().retransmits, 5u);
}

TEST(Measurement, SaysNothingOfTcpInfoWhenNothingWasSampled) {
  Measurement measurement;
  v1::Progress progress = Progress(1, 1);
  progress.mutable_tcp_info();
  ASSERT_THAT(measurement.Apply(progress), IsOk());
  v1::RunResult result;
  measurement.FillResult(result);
  EXPECT_FALSE(result.has_tcp_info());
  EXPECT_FALSE(measurement.live().retransmits.has_value());
}

TEST(Measurement, NoticesCountersThatDoNotAddUp) {
  Measurement measurement;
  v1::Progress progress = Progress(10, 1);
  (*progress.mutable_counters()->mutable_failed())["refused"] = 2;
  progress.mutable_counters()->set_attempted(13);
  ASSERT_THAT(measurement.Apply(progress), IsOk());
  EXPECT_EQ(measurement.broken_identity(),
            "13 attempted are not 10 succeeded + 2 failed + 0 cancelled + 0 in flight");
}

TEST(Measurement, RefusesImpossibleProgress) {
  Measurement measurement;
  v1::Progress unequal = Progress(1, 1);
  unequal.mutable_response_latency()->add_counts(1);
  EXPECT_THAT(measurement.Apply(unequal),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("response latency: ")));
  v1::Progress not_a_sum = Progress(1, 1);
  *not_a_sum.mutable_connect_latency() = Delta({1});
  not_a_sum.mutable_connect_latency()->set_sum(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(measurement.Apply(not_a_sum), StatusIs(absl::StatusCode::kInvalidArgument));
  v1::Progress negative = Progress(1, 1);
  negative.mutable_counters()->set_cpu_seconds(-1);
  EXPECT_THAT(measurement.Apply(negative), StatusIs(absl::StatusCode::kInvalidArgument));
  v1::Progress crowded = Progress(1, 1);
  for (int i = 0; i <= kMostFailureClasses; ++i) {
    (*crowded.mutable_counters()->mutable_failed())["E" + std::to_string(i)] = 1;
  }
  EXPECT_THAT(measurement.Apply(crowded),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("65")));
}

TEST(Measurement, ReadsLiveRttFromFrames) {
  std::vector<sockets::ConnectionSample> live(101);
  for (size_t i = 0; i < live.size(); ++i) {
    live[i].identity.cookie = i + 1;
    live[i].values.Set(sockets::Field::kRtt, i);  // 0: not measured yet
  }
  sockets::FrameEncoder encoder;
  sockets::ConnectionPoll poll;
  poll.live = live;
  Measurement measurement;
  ASSERT_THAT(measurement.Apply(encoder.Encode(poll)), IsOk());
  EXPECT_EQ(measurement.sampled_now(), 101u);
  EXPECT_EQ(measurement.live_rtts_us().size(), 100u);
  ASSERT_TRUE(measurement.live().rtt_us.has_value());
  EXPECT_EQ(measurement.live().rtt_us->p50, 50);
  EXPECT_EQ(measurement.live().rtt_us->p99, 99);
}

TEST(Measurement, RefusesABrokenFrame) {
  Measurement measurement;
  v1::ConnectionFrame frame;
  frame.set_keyframe(true);
  frame.set_rows_size(100);
  frame.set_rows_zstd("garbage");
  EXPECT_THAT(measurement.Apply(frame), StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace tcpfleet::controller
