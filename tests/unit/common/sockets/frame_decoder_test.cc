#include "common/sockets/frame_decoder.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <functional>

#include "common/sockets/compression.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/common/sockets/samples.h"

namespace tcpfleet::sockets {
namespace {

using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

v1::ConnectionFrame FrameOf(const v1::ConnectionRows& rows, bool keyframe) {
  v1::ConnectionFrame frame;
  frame.set_keyframe(keyframe);
  frame.set_rows_size(static_cast<uint32_t>(rows.ByteSizeLong()));
  frame.set_rows_zstd(Compressor().Compress(rows));
  return frame;
}

void Open(v1::ConnectionRows& rows, uint32_t row) {
  v1::ConnectionOpen& open = *rows.add_opened();
  open.set_row(row);
  open.set_cookie(1000 + row);
  open.set_local_address(std::string(4, '\1'));
  open.set_remote_address(std::string(16, '\2'));
}

// Rows 0 and 1 exist, with rtt 100 and 200.
v1::ConnectionRows TwoRows() {
  v1::ConnectionRows rows;
  Open(rows, 0);
  Open(rows, 1);
  rows.add_changed_row_deltas(0);
  rows.add_changed_row_deltas(1);
  v1::Column& rtt = *rows.add_columns();
  rtt.set_field_id(SlotOf(Field::kRtt));
  rtt.set_present("\3");
  rtt.add_deltas(100);
  rtt.add_deltas(200);
  return rows;
}

class FrameDecoderTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(decoder_.Apply(FrameOf(TwoRows(), true)), IsOk()); }

  // Refused with `what`, without a trace, and only a keyframe helps.
  void ExpectRefused(const v1::ConnectionFrame& frame, const std::string& what) {
    const std::map<uint32_t, ConnectionSample> before = decoder_.rows();
    EXPECT_THAT(decoder_.Apply(frame), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(what)));
    EXPECT_EQ(decoder_.rows(), before);
    EXPECT_THAT(decoder_.Apply(FrameOf({}, false)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("keyframe")));
    EXPECT_THAT(decoder_.Apply(FrameOf(TwoRows(), true)), IsOk());
  }
  void ExpectRefused(const std::function<void(v1::ConnectionRows&)>& make,
                     const std::string& what) {
    v1::ConnectionRows rows;
    make(rows);
    ExpectRefused(FrameOf(rows, false), what);
  }

  FrameDecoder decoder_;
};

TEST_F(FrameDecoderTest, AppliesClosesOpensAndColumnsInThatOrder) {
  v1::ConnectionRows rows;
  v1::ConnectionClose& close = *rows.add_closed();
  close.set_row(1);
  close.add_field_ids(SlotOf(Field::kRtt));
  close.add_values(777);
  close.add_field_ids(4000);  // of a newer version
  close.add_values(1);
  Open(rows, 1);
  rows.add_changed_row_deltas(1);
  v1::Column& column = *rows.add_columns();
  column.set_field_id(SlotOf(Field::kRtt));
  column.set_present("\1");
  column.add_deltas(-1);
  v1::TcpInfoTail& tail = *rows.add_tails();
  tail.set_row(1);
  tail.set_tail("xyz");
  ASSERT_THAT(decoder_.Apply(FrameOf(rows, false)), IsOk());
  ASSERT_EQ(decoder_.closed().size(), 1u);
  EXPECT_EQ(decoder_.closed()[0].last.values.Get(Field::kRtt), 777u);
  EXPECT_EQ(decoder_.rows().at(1).values.Get(Field::kRtt), UINT64_MAX);
  EXPECT_EQ(decoder_.rows().at(1).tcp_info_tail, "xyz");
}

TEST_F(FrameDecoderTest, ForgetsEverythingAtAKeyframe) {
  ASSERT_THAT(decoder_.Apply(FrameOf({}, true)), IsOk());
  EXPECT_TRUE(decoder_.rows().empty());
  EXPECT_TRUE(decoder_.closed().empty());
}

TEST_F(FrameDecoderTest, SkipsColumnsOfANewerVersion) {
  v1::ConnectionRows rows;
  rows.add_columns()->set_field_id(95);
  rows.add_columns()->set_field_id(1'000'000);
  EXPECT_THAT(decoder_.Apply(FrameOf(rows, false)), IsOk());
}

TEST(FrameDecoder, WantsAKeyframeFirst) {
  FrameDecoder decoder;
  EXPECT_THAT(decoder.Apply(FrameOf({}, false)), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(FrameDecoderTest, RefusesWhatIsNotZstdOrNotOfTheSizeSaid) {
  v1::ConnectionFrame frame = FrameOf(TwoRows(), true);
  frame.set_rows_size(frame.rows_size() + 1);
  ExpectRefused(frame, "not a zstd frame of");
  frame.set_rows_size(static_cast<uint32_t>(kMostRowsBytes) + 1);
  ExpectRefused(frame, "at most");
  frame = FrameOf(TwoRows(), true);
  frame.mutable_rows_zstd()->resize(frame.rows_zstd().size() / 2);
  ExpectRefused(frame, "rows_zstd");
  frame.set_rows_zstd("no zstd");
  ExpectRefused(frame, "not a zstd frame");
  frame.clear_rows_zstd();
  ExpectRefused(frame, "not a zstd frame");
}

TEST_F(FrameDecoderTest, RefusesEveryTruncation) {
  std::string plain;
  ASSERT_TRUE(TwoRows().SerializeToString(&plain));
  int refused = 0;
  for (size_t size = 0; size < plain.size(); ++size) {
    std::string packed(ZSTD_compressBound(size), '\0');
    packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), size, 1));
    v1::ConnectionFrame frame;
    frame.set_keyframe(true);
    frame.set_rows_size(static_cast<uint32_t>(size));
    frame.set_rows_zstd(packed);
    if (!FrameDecoder().Apply(frame).ok()) ++refused;
  }
  // Whole messages are left when the cut falls between two fields: none, one row, two rows, rows
  // that do not change.
  EXPECT_EQ(refused, static_cast<int>(plain.size()) - 4);
}

TEST_F(FrameDecoderTest, RefusesRowsThatDoNotFit) {
  ExpectRefused([](auto& rows) { Open(rows, 1); }, "opens row 1, which exists");
  ExpectRefused([](auto& rows) { Open(rows, 2), Open(rows, 2); }, "opens row 2, which exists");
  ExpectRefused([](auto& rows) { Open(rows, kMostRows); }, "is beyond");
  ExpectRefused([](auto& rows) { rows.add_closed()->set_row(2); }, "closes row 2, which does not");
  ExpectRefused([](auto& rows) { rows.add_closed(), rows.add_closed(); }, "closes row 0 twice");
  ExpectRefused([](auto& rows) { rows.add_closed()->add_values(1); }, "0 fields and 1 values");
  ExpectRefused([](auto& rows) { rows.add_changed_row_deltas(2); }, "changes row 2, which does");
  ExpectRefused([](auto& rows) { rows.add_closed(), rows.add_changed_row_deltas(0); },
                "changes row 0, which does");
  ExpectRefused([](auto& rows) { rows.add_changed_row_deltas(1), rows.add_changed_row_deltas(0); },
                "row 1 comes twice");
  ExpectRefused([](auto& rows) { rows.add_changed_row_deltas(UINT32_MAX); }, "beyond");
  ExpectRefused([](auto& rows) { rows.add_tails()->set_row(5); }, "tail for row 5");
}

TEST_F(FrameDecoderTest, RefusesAClosedRowInAKeyframe) {
  v1::ConnectionRows rows;
  rows.add_closed();
  ExpectRefused(FrameOf(rows, true), "closes row 0, which does not exist");
}

TEST_F(FrameDecoderTest, RefusesBadAddressesAndPorts) {
  ExpectRefused(
      [](auto& rows) {
        Open(rows, 2);
        rows.mutable_opened(0)->set_local_address("abc");
      },
      "4 or 16 bytes");
  ExpectRefused(
      [](auto& rows) {
        Open(rows, 2);
        rows.mutable_opened(0)->set_remote_port(65536);
      },
      "port 65536");
}

TEST_F(FrameDecoderTest, RefusesColumnsThatDoNotFit) {
  const auto with_column = [&](const std::string& present, const std::string& absent, int deltas,
                               const std::string& what) {
    ExpectRefused(
        [&](auto& rows) {
          rows.add_changed_row_deltas(0);
          rows.add_changed_row_deltas(1);
          v1::Column& column = *rows.add_columns();
          column.set_field_id(SlotOf(Field::kLost));
          column.set_present(present);
          column.set_absent(absent);
          for (int i = 0; i < deltas; ++i) column.add_deltas(1);
        },
        what);
  };
  with_column("", "", 0, "bitmaps of 0 and 0 bytes for 2 rows");
  with_column("\1\1", "", 2, "bitmaps of 2 and 0 bytes");
  with_column("\1", "\2\2", 1, "bitmaps of 1 and 2 bytes");
  with_column("\4", "", 1, "beyond the last row");
  with_column("\1", "\1", 1, "both present and absent");
  with_column("\3", "", 1, "1 deltas for 2 present");
  with_column("\1", "", 2, "2 deltas for 1 present");
  ExpectRefused(
      [](auto& rows) {
        rows.add_columns()->set_field_id(SlotOf(Field::kLost));
        rows.add_columns()->set_field_id(SlotOf(Field::kLost));
      },
      "column lost comes twice");
}

// A row message may not be a way to make the reader build millions of objects.
TEST_F(FrameDecoderTest, RefusesAnOversizedRowMessage) {
  ExpectRefused(
      [](auto& rows) {
        v1::TcpInfoTail& tail = *rows.add_tails();
        tail.set_tail(std::string(200'000, 'x'));
      },
      "bytes for one row");
}

TEST_F(FrameDecoderTest, SurvivesEveryFlippedBit) {
  std::string plain;
  ASSERT_TRUE(TwoRows().SerializeToString(&plain));
  for (size_t bit = 0; bit < plain.size() * 8; ++bit) {
    std::string bent = plain;
    bent[bit / 8] = static_cast<char>(bent[bit / 8] ^ (1 << (bit % 8)));
    std::string packed(ZSTD_compressBound(bent.size()), '\0');
    packed.resize(ZSTD_compress(packed.data(), packed.size(), bent.data(), bent.size(), 1));
    v1::ConnectionFrame frame;
    frame.set_keyframe(true);
    frame.set_rows_size(static_cast<uint32_t>(bent.size()));
    frame.set_rows_zstd(packed);
    FrameDecoder decoder;
    const absl::Status status = decoder.Apply(frame);
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status)) << bit << ": " << status;
  }
}

}  // namespace
}  // namespace tcpfleet::sockets
