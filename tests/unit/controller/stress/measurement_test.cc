#include "controller/stress/measurement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "common/sockets/frame_encoder.h"
#include "common/stats/histogram_proto.h"
#include "controller/stress/progress_check.h"
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
  EXPECT_EQ(histograms.response_ns.ToDelta().SerializeAsString(),
            Delta({1'000, 5'000, 7'000'000, 3'000}).SerializeAsString());
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

TEST(Measurement, SeparatesHandshakesBySynRetransmits) {
  Measurement measurement;
  v1::Progress progress = Progress(4, 1);
  *progress.mutable_connect_latency() = Delta({100'000, 120'000, 1'030'000'000, 3'070'000'000});
  *progress.mutable_connect_latency_one_retransmit() = Delta({1'030'000'000});
  *progress.mutable_connect_latency_more_retransmits() = Delta({3'070'000'000});
  ASSERT_THAT(measurement.Apply(progress), IsOk());
  v1::RunResult result;
  measurement.FillResult(result);
  EXPECT_EQ(result.connect_latency_no_retransmit_us().count(), 2u);
  EXPECT_NEAR(result.connect_latency_no_retransmit_us().max(), 120, 1);
  EXPECT_EQ(result.connect_latency_one_retransmit_us().max(), 1'030'000);
  EXPECT_EQ(result.connect_latency_more_retransmits_us().count(), 1u);
}

TEST(Measurement, TakesServiceForResponseOnlyInAClosedLoop) {
  v1::Progress progress = Progress(1, 1);
  *progress.mutable_response_latency() = Delta({5'000'000});
  Measurement closed;
  ASSERT_THAT(closed.Apply(progress), IsOk());
  v1::RunResult result;
  closed.FillResult(result);
  EXPECT_EQ(result.service_latency_us().max(), 5'000);
  EXPECT_FALSE(result.has_send_lateness_us());

  Measurement open;
  open.Expect(/*open_loop=*/true, 0);
  ASSERT_THAT(open.Apply(progress), IsOk());  // nothing was really sent
  v1::RunResult of_schedule;
  open.FillResult(of_schedule);
  EXPECT_FALSE(of_schedule.has_service_latency_us());
  *progress.mutable_service_latency() = Delta({1'000});
  *progress.mutable_send_lateness() = Delta({2'000});
  ASSERT_THAT(open.Apply(progress), IsOk());
  open.FillResult(of_schedule);
  EXPECT_EQ(of_schedule.service_latency_us().max(), 1);
  EXPECT_EQ(of_schedule.send_lateness_us().max(), 2);
  EXPECT_EQ(open.live().lateness_us->p99, 2);
}

TEST(Measurement, SaysBytesAsBitsPerSecond) {
  Measurement measurement;
  v1::Progress progress = Progress(1, 2);
  progress.mutable_counters()->set_bytes_sent(1'000);
  progress.mutable_counters()->set_bytes_received(500);
  ASSERT_THAT(measurement.Apply(progress), IsOk());
  v1::RunResult result;
  measurement.FillResult(result);
  EXPECT_EQ(result.bits_sent_per_second(), 4'000);
  EXPECT_EQ(result.bits_received_per_second(), 2'000);
  EXPECT_EQ(measurement.live().bits_sent_per_second, 4'000);
}

TEST(Measurement, KeepsTargetsApartAndForgetsTheirWarmUp) {
  Measurement measurement;
  measurement.Expect(/*open_loop=*/false, 2);
  for (const double seconds : {0.0, 1.0, 2.0}) {
    v1::Progress progress = Progress(1, seconds);
    progress.add_targets()->set_attempted(static_cast<uint64_t>(seconds) + 1);
    *progress.add_targets()->mutable_connect_latency() = Delta({1'000});
    ASSERT_THAT(measurement.Apply(progress), IsOk());
  }
  ASSERT_EQ(measurement.paths().size(), 2u);
  EXPECT_EQ(measurement.paths()[0].counters.attempted(), 3u);
  EXPECT_EQ(measurement.paths()[1].connect_ns.count(), 2u);
  v1::Progress three = Progress(1, 3);
  for (int i = 0; i < 3; ++i) three.add_targets();
  EXPECT_THAT(measurement.Apply(three),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("3 targets")));
}

TEST(Measurement, RefusesHostileLists) {
  Measurement measurement;
  v1::Progress slow = Progress(1, 1);
  for (int i = 0; i <= kMostExemplars; ++i) slow.add_exemplars();
  EXPECT_THAT(measurement.Apply(slow), StatusIs(absl::StatusCode::kInvalidArgument));
  v1::Progress raw = Progress(1, 1);
  raw.add_exemplars()->mutable_tcp_info()->resize(5'000);
  EXPECT_THAT(measurement.Apply(raw), StatusIs(absl::StatusCode::kInvalidArgument));
  v1::Progress kernel = Progress(1, 1);
  for (int i = 0; i <= kMostKernelCounters; ++i) {
    (*kernel.mutable_kernel_counters()->mutable_changes())["c" + std::to_string(i)] = 1;
  }
  EXPECT_THAT(measurement.Apply(kernel), StatusIs(absl::StatusCode::kInvalidArgument));
  v1::Progress huge = Progress(1, 1);
  huge.mutable_counters()->set_bytes_sent(std::numeric_limits<uint64_t>::max());
  EXPECT_THAT(measurement.Apply(huge),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cannot be")));
  v1::Progress wrapped = Progress(1, 1);  // sums that wrap to the right one
  (*wrapped.mutable_counters()->mutable_failed())["refused"] = std::numeric_limits<uint64_t>::max();
  wrapped.mutable_counters()->set_succeeded(2);
  EXPECT_THAT(measurement.Apply(wrapped), StatusIs(absl::StatusCode::kInvalidArgument));
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
