// From what happens to connections to ConnectionFrames for one subscriber: it is told what is new,
// what changed and what ended, and nothing of the rest.
//
// Threads: not thread-safe; one encoder per subscription.
// Bounds:  kMostRows rows, and those of its RowBudget; each holds on to the last record sent. A
//          frame has at most kMostRowsBytes before compression: what finds no room is counted as
//          dropped and comes with a later frame.
#pragma once

#include <cstdint>
#include <vector>

#include "common/sockets/frame_writer.h"
#include "common/sockets/row_table.h"
#include "common/sockets/sample_pool.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::sockets {

inline constexpr size_t kMostRowsBytes = size_t{64} << 20;  // of a serialized ConnectionRows
inline constexpr int64_t kKeyframePeriodNs = 60'000'000'000;

// Rows that several encoders may have together.
struct RowBudget {
  size_t left = 0;
};

// What a frame says beside its rows.
struct FrameHead {
  uint64_t sequence = 0;
  int64_t monotonic_ns = 0;
  uint32_t merged_polls = 1;
  v1::Completeness completeness = {};
};

class RowEncoder {
 public:
  static constexpr uint32_t kNoRow = UINT32_MAX;

  // Sends only `fields`; an empty mask means all. `budget`, when given, must outlive the encoder.
  explicit RowEncoder(FieldMask fields = {}, RowBudget* budget = nullptr);
  RowEncoder(RowEncoder&& other) noexcept;
  RowEncoder& operator=(RowEncoder&&) = delete;
  ~RowEncoder();

  // A new row, or kNoRow when a bound is reached.
  uint32_t Open(SampleRef sample);
  // The row's record is `sample` now.
  void Change(uint32_t row, SampleRef sample);
  // The row has ended, `last` being its last record. Its id may not be used any more.
  void Close(uint32_t row, SampleRef last, v1::ConnectionClose::Reason reason);

  // The record the row is to have, sent or not.
  const SampleRef& Latest(uint32_t row) const {
    return rows_[row].next ? rows_[row].next : rows_[row].sent;
  }
  size_t rows() const { return rows_.size() - free_rows_.size(); }

  // Everything since the last frame. The first frame is a keyframe, and so is one at least every
  // kKeyframePeriodNs. Bytes of tcp_info beyond the known fields go only to who wants all fields.
  v1::ConnectionFrame Finish(const FrameHead& head, FrameWriter& writer);

  // True while a connection's end is still to be sent: a keyframe cannot carry an end, and what
  // began and ended since the last frame is opened in one frame and closed in the next. Before a
  // stream ends, encode until this is false.
  bool HasUnsentCloses() const { return unsent_closes_ > 0; }

 private:
  struct Row {
    SampleRef sent;  // what the receiver knows
    SampleRef next;  // the record it is to have, where that is another one
    bool is_used = false;
    bool is_open = false;  // the receiver has it
    bool is_touched = false;
    bool has_ended = false;
    v1::ConnectionClose::Reason reason{};
  };

  void Touch(uint32_t row);
  void TakeTouched(bool keyframe);
  void SendClose(uint32_t row, FrameWriter& writer);
  void SendRow(uint32_t row, FrameWriter& writer);
  void Free(uint32_t row);

  const FieldMask fields_;
  const bool wants_tails_;
  RowBudget* const budget_;
  bool has_sent_ = false;
  int64_t last_keyframe_ns_ = 0;
  std::vector<Row> rows_;
  std::vector<uint32_t> free_rows_;
  std::vector<uint32_t> touched_;
  std::vector<uint32_t> sending_;  // in Finish
  size_t unsent_closes_ = 0;
  uint64_t dropped_ = 0;  // of the frame being made
};

}  // namespace tcpfleet::sockets
