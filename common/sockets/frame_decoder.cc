#include "common/sockets/frame_decoder.h"

#include <absl/strings/str_cat.h>

#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "common/sockets/compression.h"
#include "common/sockets/staged_frame.h"
#include "common/sockets/wire_reader.h"

namespace tcpfleet::sockets {
namespace {

bool BitAt(absl::string_view bitmap, size_t bit) {
  return !bitmap.empty() && ((static_cast<uint8_t>(bitmap[bit / 8]) >> (bit % 8)) & 1) != 0;
}

void ApplyColumn(const StagedFrame::Column& column, absl::Span<ConnectionSample* const> rows) {
  absl::string_view deltas = column.deltas;
  for (size_t i = 0; i < rows.size(); ++i) {
    FieldValues& values = rows[i]->values;
    if (BitAt(column.present, i)) {
      values.Set(column.field, values.Get(column.field) + UnZigzag(*TakeVarint(deltas)));
    } else if (BitAt(column.absent, i)) {
      values.Erase(column.field);
    }
  }
}

}  // namespace

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
  TF_ASSIGN_OR_RETURN(StagedFrame staged, StageFrame(plain, [&](uint32_t row) {
                        return !keyframe && rows_.contains(row);
                      }));

  // Nothing below can fail.
  closed_.clear();
  if (keyframe) rows_.clear();
  for (StagedFrame::Close& close : staged.closed) {
    const auto row = rows_.find(close.row);
    row->second.values = close.last;
    closed_.push_back({std::move(row->second), close.reason});
    rows_.erase(row);
  }
  for (auto& [row, identity] : staged.opened) rows_[row].identity = std::move(identity);
  std::vector<ConnectionSample*> changed;
  changed.reserve(staged.changed.size());
  for (const uint32_t row : staged.changed) changed.push_back(&rows_.find(row)->second);
  for (const StagedFrame::Column& column : staged.columns) ApplyColumn(column, changed);
  for (auto& [row, tail] : staged.tails) rows_.find(row)->second.tcp_info_tail = std::move(tail);
  expects_keyframe_ = false;
  return absl::OkStatus();
}

}  // namespace tcpfleet::sockets
