#include "common/sockets/row_encoder.h"

#include <algorithm>
#include <utility>

namespace tcpfleet::sockets {
namespace {

// No single row adds more than this to a frame: its description, every field, a tail of at most one
// netlink attribute (64 KiB).
constexpr size_t kMostBytesPerRow = 80'000;

// Whose records are loaded while one is sent.
constexpr size_t kRowsAhead = 4;

bool HasRoom(const FrameWriter& writer) {
  return writer.EstimatedBytes() + kMostBytesPerRow <= kMostRowsBytes;
}

}  // namespace

RowEncoder::RowEncoder(FieldMask fields, RowBudget* budget)
    : fields_(fields.any() ? fields : FieldMask().set()),
      wants_tails_(fields.none()),
      budget_(budget) {}

RowEncoder::RowEncoder(RowEncoder&& other) noexcept = default;

RowEncoder::~RowEncoder() {
  if (budget_ != nullptr && rows() > 0) budget_->left += rows();
}

uint32_t RowEncoder::Open(SampleRef sample) {
  if (rows() == kMostRows || (budget_ != nullptr && budget_->left == 0)) return kNoRow;
  if (budget_ != nullptr) --budget_->left;
  if (free_rows_.empty()) {
    free_rows_.push_back(static_cast<uint32_t>(rows_.size()));
    rows_.emplace_back();
  }
  const uint32_t row = free_rows_.back();
  free_rows_.pop_back();
  rows_[row].is_used = true;
  rows_[row].next = std::move(sample);
  Touch(row);
  return row;
}

void RowEncoder::Change(uint32_t row, SampleRef sample) {
  rows_[row].next = std::move(sample);
  Touch(row);
}

void RowEncoder::Close(uint32_t row, SampleRef last, v1::ConnectionClose::Reason reason) {
  rows_[row].next = std::move(last);
  rows_[row].has_ended = true;
  rows_[row].reason = reason;
  ++unsent_closes_;
  Touch(row);
}

void RowEncoder::Touch(uint32_t row) {
  if (std::exchange(rows_[row].is_touched, true)) return;
  touched_.push_back(row);
}

// Into sending_, ascending.
void RowEncoder::TakeTouched(bool keyframe) {
  sending_.clear();
  sending_.swap(touched_);
  for (const uint32_t row : sending_) rows_[row].is_touched = false;
  if (!keyframe) {
    std::sort(sending_.begin(), sending_.end());
    return;
  }
  sending_.clear();
  for (uint32_t row = 0; row < rows_.size(); ++row) {
    if (!rows_[row].is_used) continue;
    rows_[row].is_open = false;
    sending_.push_back(row);
  }
}

v1::ConnectionFrame RowEncoder::Finish(const FrameHead& head, FrameWriter& writer) {
  const bool keyframe = !has_sent_ || head.monotonic_ns - last_keyframe_ns_ >= kKeyframePeriodNs;
  dropped_ = 0;
  TakeTouched(keyframe);
  for (uint32_t& row : sending_) {
    if (!rows_[row].has_ended || !rows_[row].is_open || !HasRoom(writer)) continue;
    SendClose(row, writer);
    row = kNoRow;
  }
  for (size_t i = 0; i < sending_.size(); ++i) {
    if (i + kRowsAhead < sending_.size() && sending_[i + kRowsAhead] != kNoRow) {
      rows_[sending_[i + kRowsAhead]].sent.Prefetch();
      rows_[sending_[i + kRowsAhead]].next.Prefetch();
    }
    if (sending_[i] != kNoRow) SendRow(sending_[i], writer);
  }

  v1::ConnectionFrame frame;
  frame.set_poll_sequence(head.sequence);
  frame.set_monotonic_ns(static_cast<uint64_t>(head.monotonic_ns));
  frame.set_keyframe(keyframe);
  frame.set_merged_polls(head.merged_polls);
  *frame.mutable_completeness() = head.completeness;
  frame.mutable_completeness()->set_dropped(head.completeness.dropped() + dropped_);
  writer.Finish(frame);
  has_sent_ = true;
  if (keyframe) last_keyframe_ns_ = head.monotonic_ns;
  return frame;
}

void RowEncoder::SendClose(uint32_t row, FrameWriter& writer) {
  const Row& ended = rows_[row];
  const FieldValues& before = ended.sent->values;
  const FieldValues& last = ended.next ? ended.next->values : before;
  writer.Close(row, ended.reason, before, last, fields_);
  --unsent_closes_;
  Free(row);
}

void RowEncoder::SendRow(uint32_t row, FrameWriter& writer) {
  Row& known = rows_[row];
  const bool opens = !known.is_open;
  if (!opens && !known.next) return;
  if (!HasRoom(writer)) {
    ++dropped_;
    Touch(row);
    return;
  }
  static const FieldValues kNothing;
  const ConnectionSample& now = *Latest(row);
  if (opens) writer.Open(row, now.identity);
  const FieldValues& before = opens ? kNothing : known.sent->values;
  writer.Change(row, before, now.values, fields_);
  if (wants_tails_ && now.tcp_info_tail != (opens ? "" : known.sent->tcp_info_tail)) {
    writer.SetTail(row, now.tcp_info_tail);
  }
  known.is_open = true;
  if (known.next) known.sent = std::exchange(known.next, {});
  if (known.has_ended) Touch(row);
}

void RowEncoder::Free(uint32_t row) {
  rows_[row] = {};
  free_rows_.push_back(row);
  if (budget_ != nullptr) ++budget_->left;
}

}  // namespace tcpfleet::sockets
