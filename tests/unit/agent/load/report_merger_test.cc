#include "agent/load/report_merger.h"

#include <gtest/gtest.h>

#include "common/sockets/frame_decoder.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

constexpr uint64_t kNamespace = 4026531840;

WorkerReport ReportOf(bool measured, uint64_t latency_ns) {
  WorkerReport report;
  report.measured = measured;
  report.monotonic_ns = 500;
  report.counters.attempted = report.counters.succeeded = 5;
  report.counters.measured_ns = 100;
  report.histograms.connect_ns.Record(latency_ns);
  return report;
}

RawConnectionSample RowOf(uint64_t cookie) {
  RawConnectionSample row;
  row.key.cookie = cookie;
  row.key.local = {base::IpAddress::V4({127, 0, 0, 1}), 40'000};
  row.key.remote = {base::IpAddress::V4({127, 0, 0, 1}), 80};
  row.monotonic_ns = 1'000'000'000;
  row.raw_length = 104;
  row.raw.fill(std::byte{0});
  row.raw[0] = std::byte{1};  // established
  return row;
}

TEST(ReportMerger, AddsUpWorkersAndSendsEachHistogramOnce) {
  ReportMerger merger(2, kNamespace);
  Mailbox a(1, 0);
  Mailbox b(1, 0);
  WorkerReport report = ReportOf(true, 10);
  a.Post(report);
  report = ReportOf(true, 20);
  b.Post(report);
  merger.Collect(0, a);
  merger.Collect(1, b);
  EXPECT_TRUE(merger.HasReported(0, 500));
  EXPECT_FALSE(merger.HasReported(0, 501));
  const v1::Progress progress = merger.TakeProgress();
  EXPECT_TRUE(progress.measured());
  EXPECT_EQ(progress.counters().attempted(), 10u);
  EXPECT_EQ(progress.counters().measured_seconds(), 100e-9);
  EXPECT_EQ(progress.connect_latency().counts_size(), 2);
  const v1::Progress again = merger.TakeProgress();
  EXPECT_EQ(again.counters().attempted(), 10u);
  EXPECT_EQ(again.connect_latency().counts_size(), 0);
}

TEST(ReportMerger, KeepsWarmUpOutOfTheMeasuredHistograms) {
  ReportMerger merger(2, kNamespace);
  Mailbox a(1, 0);
  Mailbox b(1, 0);
  WorkerReport report = ReportOf(true, 10);
  a.Post(report);
  report = ReportOf(false, 99);
  b.Post(report);
  merger.Collect(0, a);
  merger.Collect(1, b);
  EXPECT_FALSE(merger.IsConsistent());
  report = ReportOf(true, 20);
  b.Post(report);
  merger.Collect(1, b);
  EXPECT_TRUE(merger.IsConsistent());
  const v1::Progress progress = merger.TakeProgress();
  EXPECT_EQ(progress.connect_latency().max(), 20u);
  EXPECT_EQ(progress.connect_latency().counts_size(), 2);
}

TEST(ReportMerger, FramesCarryLiveAndClosedConnections) {
  ReportMerger merger(1, kNamespace);
  Mailbox mailbox(10, 0);
  std::vector<RawConnectionSample> live = {RowOf(1), RowOf(2)};
  mailbox.PostSweep(1, live);
  WorkerReport report;
  report.closed = {RowOf(3)};
  report.dropped_rows = 7;
  mailbox.Post(report);
  merger.Collect(0, mailbox);

  sockets::FrameDecoder decoder;
  const v1::ConnectionFrame first = merger.TakeFrame(2'000'000'000);
  ASSERT_THAT(decoder.Apply(first), tests::IsOk());
  EXPECT_EQ(first.poll_sequence(), 1u);
  EXPECT_EQ(first.completeness().dropped(), 7u);
  EXPECT_EQ(first.completeness().seen(), 10u);
  const sockets::ConnectionSample& row = (*decoder.rows().begin()).sample;
  EXPECT_EQ(row.identity.network_namespace, kNamespace);
  EXPECT_EQ(row.identity.remote.ToString(), "127.0.0.1:80");
  EXPECT_EQ(row.values.Find(sockets::Field::kState), 1u);
  // The third connection is opened in one frame and closed in the next.
  EXPECT_EQ(decoder.rows().size(), 3u);
  EXPECT_TRUE(merger.NeedsAnotherFrame());
  ASSERT_THAT(decoder.Apply(merger.TakeFrame(3'000'000'000)), tests::IsOk());
  EXPECT_EQ(decoder.rows().size(), 2u);
  ASSERT_EQ(decoder.closed().size(), 1u);
  EXPECT_EQ(decoder.closed()[0].reason, v1::ConnectionClose::REASON_CLOSED);
  EXPECT_FALSE(merger.NeedsAnotherFrame());
}

TEST(ReportMerger, AnOlderSweepDoesNotBringClosedConnectionsBack) {
  ReportMerger merger(1, kNamespace);
  Mailbox mailbox(10, 0);
  std::vector<RawConnectionSample> live = {RowOf(1), RowOf(2)};
  mailbox.PostSweep(1, live);
  merger.Collect(0, mailbox);
  sockets::FrameDecoder decoder;
  ASSERT_THAT(decoder.Apply(merger.TakeFrame(1)), tests::IsOk());
  WorkerReport report;
  report.closed = {RowOf(1)};
  mailbox.Post(report);
  merger.Collect(0, mailbox);
  ASSERT_THAT(decoder.Apply(merger.TakeFrame(2)), tests::IsOk());
  EXPECT_EQ(decoder.rows().size(), 1u);
  EXPECT_EQ(decoder.closed().size(), 1u);
  ASSERT_THAT(decoder.Apply(merger.TakeFrame(3)), tests::IsOk());
  EXPECT_EQ(decoder.rows().size(), 1u);
}

}  // namespace
}  // namespace tcpfleet::agent
