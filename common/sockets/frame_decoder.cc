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

absl::Status FrameDecoder::Apply(const v1::ConnectionFrame& frame) {
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
  Commit(std::move(staged), keyframe);
  poll_sequence_ = frame.poll_sequence();
  monotonic_ns_ = frame.monotonic_ns();
  expects_keyframe_ = false;
  return absl::OkStatus();
}

void FrameDecoder::Commit(StagedFrame staged, bool keyframe) {
  closed_.clear();
  opened_.clear();
  changed_.clear();
  if (keyframe) rows_.Clear();
  std::vector<ConnectionSample*> samples;
  const auto apply = [&](const StagedColumns& columns) {
    samples.clear();
    for (const uint32_t row : columns.rows) samples.push_back(rows_.Find(row));
    columns.ApplyTo(samples);
  };
  apply(staged.closed);
  for (size_t i = 0; i < samples.size(); ++i) {
    closed_.push_back({std::move(*samples[i]), staged.reasons[i]});
    rows_.Erase(staged.closed.rows[i]);
  }
  for (auto& [row, identity] : staged.opened) {
    rows_.Insert(row).identity = std::move(identity);
    opened_.push_back(row);
  }
  apply(staged.changed);
  for (auto& [row, tail] : staged.tails) rows_.Find(row)->tcp_info_tail = std::move(tail);
  std::set_difference(staged.changed.rows.begin(), staged.changed.rows.end(), opened_.begin(),
                      opened_.end(), std::back_inserter(changed_));
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
