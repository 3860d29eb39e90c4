#include "common/sockets/frame_encoder.h"

#include <gtest/gtest.h>

#include "common/sockets/compression.h"
#include "common/sockets/frame_decoder.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/common/sockets/samples.h"

namespace tcpfleet::sockets {
namespace {

using tests::IsOk;

constexpr int64_t kSecondNs = 1'000'000'000;

class FrameEncoderTest : public testing::Test {
 protected:
  // One more second, one more frame, decoded.
  v1::ConnectionFrame Frame(std::vector<ConnectionSample> live,
                            std::vector<ClosedConnection> closed = {}) {
    now_ns_ += kSecondNs;
    v1::ConnectionFrame frame = encoder_.Encode({.sequence = ++sequence_,
                                                 .monotonic_ns = now_ns_,
                                                 .completeness = {},
                                                 .live = live,
                                                 .live_selection = {},
                                                 .closed = closed});
    EXPECT_THAT(decoder_.Apply(frame), IsOk());
    return frame;
  }

  v1::ConnectionRows RowsOf(const v1::ConnectionFrame& frame) {
    const absl::StatusOr<std::string> plain =
        Decompress({frame.rows_zstd().data(), frame.rows_zstd().size()}, frame.rows_size());
    EXPECT_THAT(plain, IsOk());
    v1::ConnectionRows rows;
    EXPECT_TRUE(rows.ParseFromString(*plain));
    return rows;
  }

  FrameEncoder encoder_;
  FrameDecoder decoder_;
  int64_t now_ns_ = 5'000 * kSecondNs;
  uint64_t sequence_ = 0;
};

TEST_F(FrameEncoderTest, BeginsWithAKeyframeAndRepeatsItEveryMinute) {
  std::vector<int> keyframes;
  for (int second = 0; second < 130; ++second) {
    if (Frame({SampleWith(1)}).keyframe()) keyframes.push_back(second);
  }
  EXPECT_EQ(keyframes, (std::vector<int>{0, 60, 120}));
}

TEST_F(FrameEncoderTest, SendsNothingForWhatDidNotChange) {
  Frame({SampleWith(1), SampleWith(2)});
  const v1::ConnectionFrame frame = Frame({SampleWith(1), SampleWith(2)});
  EXPECT_EQ(frame.rows_size(), 0u);
  EXPECT_TRUE(frame.rows_zstd().empty());
}

TEST_F(FrameEncoderTest, SendsOnlyTheFieldThatChanged) {
  Frame({SampleWith(1, 100), SampleWith(2, 100)});
  const v1::ConnectionRows rows = RowsOf(Frame({SampleWith(1, 100), SampleWith(2, 90)}));
  ASSERT_EQ(rows.columns_size(), 1);
  EXPECT_EQ(rows.columns(0).field_id(), SlotOf(Field::kRtt));
  EXPECT_EQ(rows.columns(0).present(), "");  // in every changed row
  ASSERT_EQ(rows.columns(0).deltas_size(), 1);
  EXPECT_EQ(rows.columns(0).deltas(0), -10);
  ASSERT_EQ(rows.changed_row_deltas_size(), 1);
  EXPECT_EQ(rows.changed_row_deltas(0), 1u);
}

TEST_F(FrameEncoderTest, KeepsZeroAndAbsentApart) {
  ConnectionSample sample = SampleWith(1);
  sample.values.Set(Field::kLost, 0);
  Frame({sample});
  EXPECT_TRUE((*decoder_.rows().begin()).sample.values.Has(Field::kLost));
  sample.values.Erase(Field::kLost);
  Frame({sample});
  EXPECT_FALSE((*decoder_.rows().begin()).sample.values.Has(Field::kLost));
  sample.values.Set(Field::kLost, 0);
  Frame({sample});
  EXPECT_TRUE((*decoder_.rows().begin()).sample.values.Has(Field::kLost));
}

TEST_F(FrameEncoderTest, TakesJitterOfMomentsForNoChange) {
  ConnectionSample sample = SampleWith(1);
  sample.values.Set(Field::kLastAckRecvAtMs, 1000);
  Frame({sample});
  for (const uint64_t jitter : {970, 1030}) {
    sample.values.Set(Field::kLastAckRecvAtMs, jitter);
    EXPECT_EQ(Frame({sample}).rows_size(), 0u) << jitter;
  }
  sample.values.Set(Field::kLastAckRecvAtMs, 1031);
  Frame({sample});
  EXPECT_EQ((*decoder_.rows().begin()).sample.values.Get(Field::kLastAckRecvAtMs), 1031u);
}

TEST_F(FrameEncoderTest, UsesRowsOfClosedConnectionsAgain) {
  Frame({SampleWith(1), SampleWith(2)});
  Frame({SampleWith(2)});
  ASSERT_EQ(decoder_.closed().size(), 1u);
  EXPECT_EQ(decoder_.closed()[0].last.identity.cookie, 1u);
  EXPECT_EQ(decoder_.closed()[0].reason, v1::ConnectionClose::REASON_NOT_SEEN);
  Frame({SampleWith(2), SampleWith(3)});
  EXPECT_EQ(decoder_.rows().size(), 2u);
  EXPECT_EQ(decoder_.rows().Find(0)->identity.cookie, 3u);
}

// The number of bytes is that of the field's values, not of the rows.
TEST_F(FrameEncoderTest, LeavesOutBitmapsAndDeltasThatAllRowsShare) {
  std::vector<ConnectionSample> live;
  for (uint64_t i = 0; i < 1000; ++i) {
    live.push_back(SampleWith(i));
    live.back().values.Set(Field::kLost, 0);
  }
  const v1::ConnectionRows rows = RowsOf(Frame(live));
  ASSERT_EQ(rows.columns_size(), 3);
  EXPECT_EQ(rows.columns(2).field_id(), SlotOf(Field::kRtt));
  EXPECT_EQ(rows.columns(2).deltas_size(), 1000);
  EXPECT_EQ(rows.columns(1).field_id(), SlotOf(Field::kLost));
  EXPECT_EQ(rows.columns(1).ByteSizeLong(), 2u);
  EXPECT_EQ(decoder_.rows().Find(999)->values, live[999].values);
}

TEST_F(FrameEncoderTest, ClosesWithTheFinalRecord) {
  Frame({SampleWith(1, 100)});
  Frame({}, {{SampleWith(1, 250), v1::ConnectionClose::REASON_CLOSED}});
  ASSERT_EQ(decoder_.closed().size(), 1u);
  EXPECT_EQ(decoder_.closed()[0].last, SampleWith(1, 250));
  EXPECT_EQ(decoder_.closed()[0].reason, v1::ConnectionClose::REASON_CLOSED);
  EXPECT_FALSE(encoder_.HasUnsentCloses());
}

TEST_F(FrameEncoderTest, OpensThenClosesWhatBeganAndEndedBetweenTwoFrames) {
  Frame({});
  Frame({}, {{SampleWith(9, 7), v1::ConnectionClose::REASON_CLOSED}});
  EXPECT_EQ(decoder_.rows().size(), 1u);
  EXPECT_TRUE(encoder_.HasUnsentCloses());
  Frame({});
  EXPECT_TRUE(decoder_.rows().empty());
  ASSERT_EQ(decoder_.closed().size(), 1u);
  EXPECT_EQ(decoder_.closed()[0].last, SampleWith(9, 7));
  EXPECT_FALSE(encoder_.HasUnsentCloses());
}

TEST_F(FrameEncoderTest, LosesNoEndToAKeyframe) {
  for (int second = 0; second < 60; ++second) Frame({SampleWith(1), SampleWith(2)});
  ASSERT_TRUE(Frame({}, {{SampleWith(1, 5), v1::ConnectionClose::REASON_CLOSED}}).keyframe());
  Frame({});
  ASSERT_EQ(decoder_.closed().size(), 2u);
  EXPECT_EQ(decoder_.closed()[0].last, SampleWith(1, 5));
  EXPECT_EQ(decoder_.closed()[1].reason, v1::ConnectionClose::REASON_NOT_SEEN);
}

TEST_F(FrameEncoderTest, OpensAnewWhenTheDescriptionChanges) {
  Frame({SampleWith(1)});
  ConnectionSample accepted = SampleWith(1);
  accepted.identity.process = std::make_shared<const Process>(Process{4711, 1, "nginx", ""});
  Frame({accepted});
  ASSERT_EQ(decoder_.rows().size(), 1u);
  EXPECT_EQ((*decoder_.rows().begin()).sample, accepted);
  ASSERT_EQ(decoder_.closed().size(), 1u);
  EXPECT_EQ(decoder_.closed()[0].reason, v1::ConnectionClose::REASON_REPLACED);
}

TEST_F(FrameEncoderTest, KeepsADescriptionThatTheKernelNoLongerKnows) {
  Frame({SampleWith(1)});
  ConnectionSample orphan = SampleWith(1);
  orphan.identity.inode = 0;
  orphan.identity.uid.reset();
  Frame({orphan});
  EXPECT_TRUE(decoder_.closed().empty());
  EXPECT_EQ((*decoder_.rows().begin()).sample, SampleWith(1));
}

TEST_F(FrameEncoderTest, TellsNamespacesApart) {
  ConnectionSample other = SampleWith(1);
  other.identity.network_namespace = 7;
  Frame({SampleWith(1), other});
  EXPECT_EQ(decoder_.rows().size(), 2u);
}

TEST_F(FrameEncoderTest, TakesTheFirstOfTwoSamplesOfOneNewConnection) {
  Frame({SampleWith(1), SampleWith(1)});
  EXPECT_EQ(decoder_.rows().size(), 1u);
}

TEST_F(FrameEncoderTest, MakesNamesValidText) {
  ConnectionSample sample = SampleWith(1);
  sample.identity.process = std::make_shared<const Process>(Process{1, 1, "\xff\xfe", ""});
  Frame({sample});
  EXPECT_EQ((*decoder_.rows().begin()).sample.identity.process->comm, "??");
}

TEST_F(FrameEncoderTest, CarriesTheHeadOfThePoll) {
  v1::Completeness completeness;
  completeness.set_seen(12);
  completeness.set_gap(true);
  const v1::ConnectionFrame frame = encoder_.Encode({.sequence = 42,
                                                     .monotonic_ns = 77,
                                                     .merged_polls = 3,
                                                     .completeness = completeness,
                                                     .live = {},
                                                     .live_selection = {},
                                                     .closed = {}});
  EXPECT_EQ(frame.poll_sequence(), 42u);
  EXPECT_EQ(frame.monotonic_ns(), 77u);
  EXPECT_EQ(frame.merged_polls(), 3u);
  EXPECT_EQ(frame.completeness().seen(), 12u);
  EXPECT_TRUE(frame.completeness().gap());
}

TEST_F(FrameEncoderTest, StaysWithinTheBoundAndBringsTheRestLater) {
  constexpr uint64_t kRows = 1200;
  std::vector<ConnectionSample> live;
  for (uint64_t i = 0; i < kRows; ++i) {
    live.push_back(SampleWith(i));
    live.back().tcp_info_tail = std::string(60'000, 't');  // 72 MB in all
  }
  const v1::ConnectionFrame first = Frame(live);
  EXPECT_LE(first.rows_size(), kMostRowsBytes);
  EXPECT_GT(first.completeness().dropped(), 0u);
  EXPECT_EQ(decoder_.rows().size() + first.completeness().dropped(), kRows);
  EXPECT_EQ(Frame(live).completeness().dropped(), 0u);
  EXPECT_EQ(decoder_.rows().size(), kRows);
}

TEST_F(FrameEncoderTest, TakesASelectionAsWellAsASpan) {
  const ConnectionSample one = SampleWith(1), two = SampleWith(2);
  const ConnectionSample* selection[] = {&two};
  ASSERT_THAT(
      decoder_.Apply(encoder_.Encode(
          {.completeness = {}, .live = {&one, 1}, .live_selection = selection, .closed = {}})),
      IsOk());
  EXPECT_EQ(decoder_.rows().size(), 2u);
}

}  // namespace
}  // namespace tcpfleet::sockets
