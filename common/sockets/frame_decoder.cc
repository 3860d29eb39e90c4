#include "common/sockets/frame_decoder.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "common/sockets/compression.h"
#include "common/sockets/frame_writer.h"
#include "common/sockets/staged_frame.h"

namespace tcpfleet::sockets {

absl::Status FrameDecoder::Apply(const v1::ConnectionFrame& frame, RowObserver* observer) {
  const bool keyframe = frame.keyframe();
  if (expects_keyframe_ && !keyframe) {
    return absl::DataLossError("connection frame: a keyframe must come first");
  }
  expects_keyframe_ = true;  // unless this one turns out to be good
  if (frame.rows_size() > kMostRowsBytes) {
    return absl::DataLossError(absl::StrCat("connection frame: rows of ", frame.rows_size(),
                                            " bytes; at most ", kMostRowsBytes));
  }
  TF_ASSIGN_OR_RETURN(
      const std::string plain,
      Decompress({frame.rows_zstd().data(), frame.rows_zstd().size()}, frame.rows_size()));
  static const RowTable kNoRows;
  TF_ASSIGN_OR_RETURN(StagedFrame staged, StageFrame(plain, keyframe ? kNoRows : rows_));
  Commit(std::move(staged), keyframe, observer);
  poll_sequence_ = frame.poll_sequence();
  monotonic_ns_ = frame.monotonic_ns();
  expects_keyframe_ = false;
  return absl::OkStatus();
}

void FrameDecoder::Commit(StagedFrame staged, bool keyframe, RowObserver* observer) {
  closed_.clear();
  closed_before_.clear();
  opened_.clear();
  changed_.clear();
  if (keyframe) rows_.Clear();
  if (observer != nullptr) observer->FrameBegins();
  Close(staged);
  opened_ = staged.opened.rows();
  for (const uint32_t row : opened_) staged.opened.TakeIdentity(rows_.Insert(row).identity);
  std::set_difference(staged.changed.rows.begin(), staged.changed.rows.end(), opened_.begin(),
                      opened_.end(), std::back_inserter(changed_));
  Change(staged.changed, keyframe, observer);
  for (auto& [row, tail] : staged.tails) rows_.Find(row)->tcp_info_tail = std::move(tail);
}

void FrameDecoder::Close(const StagedFrame& staged) {
  const std::vector<uint32_t>& rows = staged.closed.rows;
  ColumnReader reader(staged.closed, false);
  std::vector<ConnectionSample*> samples;
  for (size_t begin = 0; begin < rows.size(); begin += samples.size()) {
    samples.clear();
    for (size_t i = begin; i < std::min(begin + ColumnReader::kRowsAtATime, rows.size()); ++i) {
      samples.push_back(rows_.Find(rows[i]));
      closed_before_.emplace_back(samples.back()->values);
    }
    reader.ApplyTo(samples);
    for (size_t i = 0; i < samples.size(); ++i) {
      closed_.push_back({std::move(*samples[i]), staged.reasons[begin + i]});
      rows_.Erase(rows[begin + i]);
    }
  }
}

void FrameDecoder::Change(const StagedColumns& columns, bool rows_are_new, RowObserver* observer) {
  const std::vector<uint32_t>& rows = columns.rows;
  ColumnReader reader(columns, rows_are_new);
  std::vector<ConnectionSample*> samples;
  std::vector<Counters> before;
  absl::Span<const uint32_t> unobserved = changed_;
  for (size_t begin = 0; begin < rows.size(); begin += samples.size()) {
    const size_t end = std::min(begin + ColumnReader::kRowsAtATime, rows.size());
    samples.clear();
    before.clear();
    for (size_t i = begin; i < end; ++i) {
      samples.push_back(rows_.Find(rows[i]));
      if (observer == nullptr || before.size() == unobserved.size()) continue;
      if (unobserved[before.size()] == rows[i]) before.emplace_back(samples.back()->values);
    }
    for (size_t i = end; i < std::min(end + ColumnReader::kRowsAtATime, rows.size()); ++i) {
      rows_.Find(rows[i])->values.Prefetch();
    }
    reader.ApplyTo(samples);
    if (before.empty()) continue;
    observer->RowsChanged(unobserved.subspan(0, before.size()), before);
    unobserved.remove_prefix(before.size());
  }
}

v1::ConnectionFrame FrameDecoder::Keyframe() const {
  FrameWriter writer;
  for (const auto& [row, sample] : rows_) {
    writer.Open(row, sample.identity);
    writer.Change(row, FieldValues(), sample.values, ~FieldMask());
    if (!sample.tcp_info_tail.empty()) writer.SetTail(row, sample.tcp_info_tail);
  }
  v1::ConnectionFrame frame;
  frame.set_poll_sequence(poll_sequence_);
  frame.set_monotonic_ns(monotonic_ns_);
  frame.set_keyframe(true);
  writer.Finish(frame);
  return frame;
}

}  // namespace tcpfleet::sockets
