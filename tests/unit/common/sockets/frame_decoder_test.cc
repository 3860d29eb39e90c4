#include "common/sockets/frame_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <array>
#include <functional>

#include "common/sockets/compression.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/common/sockets/samples.h"

namespace tcpfleet::sockets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

v1::ConnectionFrame FrameOfPlain(const std::string& plain, bool keyframe) {
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 1));
  v1::ConnectionFrame frame;
  frame.set_keyframe(keyframe);
  frame.set_rows_size(static_cast<uint32_t>(plain.size()));
  frame.set_rows_zstd(packed);
  return frame;
}

v1::ConnectionFrame FrameOf(const v1::ConnectionRows& rows, bool keyframe) {
  return FrameOfPlain(rows.SerializeAsString(), keyframe);
}

void Open(v1::ConnectionRows& rows, uint32_t row) {
  v1::OpenedRows& opened = *rows.mutable_opened_rows();
  uint32_t last = 0;
  for (const uint32_t delta : opened.row_deltas()) last += delta;
  opened.add_row_deltas(row - last);
  opened.add_cookie_deltas(opened.cookie_deltas_size() == 0 ? 1000 + row : row - last);
  if (opened.addresses_size() == 0) {
    opened.add_addresses(std::string(4, '\1'));
    opened.add_addresses(std::string(16, '\2'));
  }
  opened.add_remote_address_deltas(opened.remote_address_deltas_size() == 0 ? 1 : 0);
}

void Close(v1::ConnectionRows& rows, uint32_t row_delta) {
  rows.mutable_closed_rows()->add_row_deltas(row_delta);
  rows.mutable_closed_rows()->add_reasons(v1::ConnectionClose::REASON_CLOSED);
}

std::map<uint32_t, ConnectionSample> Copy(const RowTable& rows) {
  std::map<uint32_t, ConnectionSample> copy;
  for (const auto& [row, sample] : rows) copy.emplace(row, sample);
  return copy;
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
  rtt.add_deltas(100);  // more than the row before
  return rows;
}

class FrameDecoderTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(decoder_.Apply(FrameOf(TwoRows(), true)), IsOk()); }

  // Refused with `what`, without a trace, and only a keyframe helps.
  void ExpectRefused(const v1::ConnectionFrame& frame, const std::string& what) {
    const std::map<uint32_t, ConnectionSample> before = Copy(decoder_.rows());
    EXPECT_THAT(decoder_.Apply(frame), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(what)));
    EXPECT_EQ(Copy(decoder_.rows()), before);
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

class Observations : public RowObserver {
 public:
  explicit Observations(const FrameDecoder& decoder) : decoder_(decoder) {}
  void FrameBegins() override { ++frames; }
  void RowsChanged(absl::Span<const uint32_t> rows, absl::Span<const Counters> before) override {
    for (size_t i = 0; i < rows.size(); ++i) {
      seen.push_back({rows[i], before[i].values[0],
                      decoder_.rows().Find(rows[i])->values.Get(Counters::kFields[0])});
    }
  }

  int frames = 0;
  std::vector<std::array<uint64_t, 3>> seen;  // row, first counter before and now

 private:
  const FrameDecoder& decoder_;
};

TEST_F(FrameDecoderTest, TellsAnObserverWhatRowsWereBefore) {
  const auto grown = [](v1::ConnectionRows rows, int64_t by) {
    rows.clear_columns();
    v1::Column& column = *rows.add_columns();
    column.set_field_id(SlotOf(Counters::kFields[0]));
    for (int i = 0; i < rows.changed_row_deltas_size(); ++i) column.add_deltas(by);
    return rows;
  };
  ASSERT_THAT(decoder_.Apply(FrameOf(grown(TwoRows(), 50), true)), IsOk());
  v1::ConnectionRows rows;
  Close(rows, 0);
  Open(rows, 40);
  rows.add_changed_row_deltas(1);
  rows.add_changed_row_deltas(39);
  Observations observations(decoder_);
  ASSERT_THAT(decoder_.Apply(FrameOf(grown(rows, 7), false), &observations), IsOk());
  EXPECT_EQ(observations.frames, 1);
  EXPECT_THAT(observations.seen, ElementsAre(std::array<uint64_t, 3>{1, 100, 107}))
      << "a row that opens was nothing before";
  ASSERT_EQ(decoder_.closed_before().size(), 1u);
  EXPECT_EQ(decoder_.closed_before()[0].values[0], 50u);
  rows.add_changed_row_deltas(1);
  EXPECT_FALSE(decoder_.Apply(FrameOf(rows, false), &observations).ok());
  EXPECT_EQ(observations.frames, 1) << "a bad frame does not begin";
}

TEST_F(FrameDecoderTest, AppliesClosesOpensAndColumnsInThatOrder) {
  v1::ConnectionRows rows;
  Close(rows, 1);
  v1::Column& last = *rows.mutable_closed_rows()->add_columns();
  last.set_field_id(SlotOf(Field::kRtt));
  last.add_deltas(577);
  rows.mutable_closed_rows()->add_columns()->set_field_id(4000);  // of a newer version
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
  EXPECT_EQ(decoder_.closed()[0].reason, v1::ConnectionClose::REASON_CLOSED);
  EXPECT_EQ(decoder_.rows().Find(1)->values.Get(Field::kRtt), UINT32_MAX);
  EXPECT_EQ(decoder_.rows().Find(1)->tcp_info_tail, "xyz");
}

TEST_F(FrameDecoderTest, SaysWhatAFrameOpenedAndChanged) {
  EXPECT_THAT(decoder_.opened(), ElementsAre(0, 1));
  EXPECT_THAT(decoder_.changed(), ElementsAre());
  const ConnectionSample* first = decoder_.rows().Find(0);
  v1::ConnectionRows rows;
  Open(rows, 70);
  rows.add_changed_row_deltas(0);
  rows.add_changed_row_deltas(70);
  rows.add_columns()->set_field_id(SlotOf(Field::kLost));  // present everywhere, all 0
  ASSERT_THAT(decoder_.Apply(FrameOf(rows, false)), IsOk());
  EXPECT_THAT(decoder_.opened(), ElementsAre(70));
  EXPECT_THAT(decoder_.changed(), ElementsAre(0));
  EXPECT_EQ(decoder_.rows().Find(0), first);
  EXPECT_EQ(first->values.Find(Field::kLost), 0u);
  EXPECT_EQ(first->values.Find(Field::kRtt), 100u);
}

TEST_F(FrameDecoderTest, MakesAKeyframeThatItsStreamGoesOnFrom) {
  v1::ConnectionRows rows;
  Close(rows, 0);
  Open(rows, 70);
  rows.add_tails()->set_row(70);
  rows.mutable_tails(0)->set_tail("new");
  v1::ConnectionFrame frame = FrameOf(rows, false);
  frame.set_poll_sequence(17);
  frame.set_monotonic_ns(18);
  ASSERT_THAT(decoder_.Apply(frame), IsOk());
  const v1::ConnectionFrame keyframe = decoder_.Keyframe();
  EXPECT_TRUE(keyframe.keyframe());
  EXPECT_EQ(keyframe.poll_sequence(), 17u);
  EXPECT_EQ(keyframe.monotonic_ns(), 18u);
  FrameDecoder other;
  ASSERT_THAT(other.Apply(keyframe), IsOk());
  EXPECT_EQ(Copy(other.rows()), Copy(decoder_.rows()));
  v1::ConnectionRows next;
  Close(next, 70);
  EXPECT_THAT(other.Apply(FrameOf(next, false)), IsOk());
}

TEST_F(FrameDecoderTest, ForgetsEverythingAtAKeyframe) {
  ASSERT_THAT(decoder_.Apply(FrameOf({}, true)), IsOk());
  EXPECT_TRUE(decoder_.rows().empty());
  EXPECT_TRUE(decoder_.closed().empty());
}

TEST_F(FrameDecoderTest, SkipsColumnsOfANewerVersion) {
  v1::ConnectionRows rows;
  rows.add_columns()->set_field_id(127);
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
    if (!FrameDecoder().Apply(FrameOfPlain(plain.substr(0, size), true)).ok()) ++refused;
  }
  EXPECT_EQ(refused, static_cast<int>(plain.size()) - 1);  // nothing at all is a whole message
}

TEST_F(FrameDecoderTest, RefusesRowsThatDoNotFit) {
  ExpectRefused([](auto& rows) { Open(rows, 1); }, "opens row 1, which exists");
  ExpectRefused([](auto& rows) { Open(rows, 2), Open(rows, 2); }, "row 2 comes twice");
  ExpectRefused([](auto& rows) { Open(rows, kMostRows); }, "a row beyond");
  ExpectRefused([](auto& rows) { Close(rows, 2); }, "closes row 2, which does not");
  ExpectRefused([](auto& rows) { Close(rows, 0), Close(rows, 0); }, "row 0 comes twice");
  ExpectRefused([](auto& rows) { rows.mutable_closed_rows()->add_row_deltas(0); },
                "closes row 0 without a reason");
  ExpectRefused(
      [](auto& rows) {
        rows.mutable_closed_rows()->add_reasons(v1::ConnectionClose::REASON_CLOSED);
      },
      "more reasons than closed rows");
  ExpectRefused([](auto& rows) { rows.add_changed_row_deltas(2); }, "changes row 2, which does");
  ExpectRefused([](auto& rows) { Close(rows, 0), rows.add_changed_row_deltas(0); },
                "changes row 0, which does");
  ExpectRefused([](auto& rows) { rows.add_changed_row_deltas(1), rows.add_changed_row_deltas(0); },
                "row 1 comes twice");
  ExpectRefused([](auto& rows) { rows.add_changed_row_deltas(UINT32_MAX); }, "beyond");
  ExpectRefused([](auto& rows) { rows.add_tails()->set_row(5); }, "tail for row 5");
}

TEST_F(FrameDecoderTest, TakesAReasonOfANewerVersionForNone) {
  v1::ConnectionRows rows;
  rows.mutable_closed_rows()->add_row_deltas(0);
  rows.mutable_closed_rows()->add_reasons(static_cast<v1::ConnectionClose::Reason>(99));
  ASSERT_THAT(decoder_.Apply(FrameOf(rows, false)), IsOk());
  EXPECT_EQ(decoder_.closed()[0].reason, v1::ConnectionClose::REASON_UNSPECIFIED);
}

TEST_F(FrameDecoderTest, RefusesAClosedRowInAKeyframe) {
  v1::ConnectionRows rows;
  Close(rows, 0);
  ExpectRefused(FrameOf(rows, true), "closes row 0, which does not exist");
}

TEST_F(FrameDecoderTest, RefusesIdentitiesThatDoNotFit) {
  const auto with = [&](const std::function<void(v1::OpenedRows&)>& change,
                        const std::string& what) {
    ExpectRefused(
        [&](auto& rows) {
          Open(rows, 2);
          change(*rows.mutable_opened_rows());
        },
        what);
  };
  with([](auto& opened) { opened.set_addresses(0, "abc"); }, "4 or 16 bytes");
  with([](auto& opened) { opened.clear_addresses(); }, "address 0 of 0");
  with([](auto& opened) { opened.set_remote_address_deltas(0, 2); }, "address 2 of 2");
  with([](auto& opened) { opened.add_remote_port_deltas(65536); }, "port 65536");
  with([](auto& opened) { opened.add_interface_deltas(-1); }, "interface");
  with([](auto& opened) { opened.add_uid_deltas(int64_t{1} << 33); }, "uid plus 1");
  with([](auto& opened) { opened.add_process_deltas(1); }, "entry 1 of a list of 0");
  with([](auto& opened) { opened.add_cgroup_deltas(-1); }, "of a list of 0");
  with([](auto& opened) { opened.add_congestion_control_deltas(2); }, "entry 2");
  with([](auto& opened) { opened.add_cookie_deltas(1); }, "has 2 whole numbers for 1 rows");
  with([](auto& opened) { opened.add_processes()->set_comm(std::string(200'000, 'x')); },
       "not a tcpfleet.v1.SocketOwner");
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
  with_column("\1\1", "", 2, "bitmaps of 2 and 0 bytes");
  with_column("\1", "\2\2", 1, "bitmaps of 1 and 2 bytes");
  with_column("\4", "", 1, "beyond the last row");
  with_column("\1", "\1", 1, "both present and absent");
  with_column("\3", "", 1, "1 deltas for 2 present");
  with_column("\1", "", 2, "2 deltas for 1 present");
  with_column("", "\1", 0, "both present and absent");
  with_column("", "", 1, "1 deltas for 2 present");
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
    FrameDecoder decoder;
    const absl::Status status = decoder.Apply(FrameOfPlain(bent, true));
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status)) << bit << ": " << status;
  }
}

}  // namespace
}  // namespace tcpfleet::sockets
