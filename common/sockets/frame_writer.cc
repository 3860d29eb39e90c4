#include "common/sockets/frame_writer.h"

#include "common/sockets/compression.h"
#include "common/sockets/wire_writer.h"

namespace tcpfleet::sockets {
namespace {

using Rows = v1::ConnectionRows;

// On changed rows level 3 saves 4 % more bytes for twice the time. Keyframes are rare; there level
// 8 saves 10 % and takes 0.3 us per row.
constexpr int kLevel = 1;
constexpr int kKeyframeLevel = 8;

constexpr size_t kMostKeptBytes = size_t{1} << 20;

}  // namespace

void FrameWriter::Close(uint32_t row, v1::ConnectionClose::Reason reason, const FieldValues& before,
                        const FieldValues& last, const FieldMask& wanted) {
  closed_.BeginRow(row);
  closed_.Put(before, last, Differences(before, last) & wanted, wanted);
  AppendVarint(static_cast<uint64_t>(reason), reasons_);
}

void FrameWriter::Change(uint32_t row, const FieldValues& before, const FieldValues& now,
                         const FieldMask& wanted) {
  const FieldMask changed = Differences(before, now) & wanted;
  if (changed.none()) return;
  changed_.BeginRow(row);
  changed_.Put(before, now, changed, wanted);
}

void FrameWriter::SetTail(uint32_t row, const std::string& tail) {
  scratch_.clear();
  AppendNumberField(v1::TcpInfoTail::kRowFieldNumber, row, scratch_);
  AppendBytesField(v1::TcpInfoTail::kTailFieldNumber, tail, scratch_);
  AppendBytesField(Rows::kTailsFieldNumber, scratch_, tails_);
}

size_t FrameWriter::EstimatedBytes() const {
  constexpr size_t kHeaders = 64;
  return kHeaders + closed_.EstimatedBytes() + reasons_.size() + opened_.EstimatedBytes() +
         changed_.EstimatedBytes() + tails_.size();
}

void FrameWriter::Finish(v1::ConnectionFrame& frame) {
  Serialize();
  frame.set_rows_size(static_cast<uint32_t>(plain_.size()));
  frame.set_rows_zstd(Compress(plain_, frame.keyframe() ? kKeyframeLevel : kLevel, context_.get()));
  if (plain_.size() > kMostKeptBytes) {
    *this = FrameWriter();
  } else {
    Clear();
  }
}

void FrameWriter::Serialize() {
  plain_.clear();
  if (closed_.rows() > 0) {
    scratch_.clear();
    AppendBytesField(v1::ClosedRows::kRowDeltasFieldNumber, closed_.row_deltas(), scratch_);
    AppendBytesField(v1::ClosedRows::kReasonsFieldNumber, reasons_, scratch_);
    closed_.AppendColumns(v1::ClosedRows::kColumnsFieldNumber, scratch_);
    AppendBytesField(Rows::kClosedRowsFieldNumber, scratch_, plain_);
  }
  if (!opened_.empty()) {
    scratch_.clear();
    opened_.AppendTo(scratch_);
    AppendBytesField(Rows::kOpenedRowsFieldNumber, scratch_, plain_);
  }
  if (changed_.rows() > 0) {
    AppendBytesField(Rows::kChangedRowDeltasFieldNumber, changed_.row_deltas(), plain_);
    changed_.AppendColumns(Rows::kColumnsFieldNumber, plain_);
  }
  plain_ += tails_;
}

void FrameWriter::Clear() {
  closed_.Clear();
  reasons_.clear();
  opened_.Clear();
  changed_.Clear();
  tails_.clear();
}

}  // namespace tcpfleet::sockets
