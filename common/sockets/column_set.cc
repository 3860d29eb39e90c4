#include "common/sockets/column_set.h"

#include <bit>

namespace tcpfleet::sockets {
namespace {

size_t ZigzagVarintBytes(int64_t value) {
  const uint64_t zigzag = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  return (static_cast<size_t>(std::bit_width(zigzag | 1)) + 6) / 7;
}

}  // namespace

void ColumnSet::Clear() {
  for (Column& column : columns_) {
    column.present.clear();
    column.absent.clear();
    column.deltas.clear();
  }
  row_deltas_.clear();
  last_row_ = 0;
  delta_bytes_ = 0;
}

void ColumnSet::BeginRow(uint32_t row) {
  row_deltas_.push_back(row - last_row_);
  last_row_ = row;
}

void ColumnSet::SetBit(std::string& bitmap) const {
  const size_t bit = row_deltas_.size() - 1;
  if (bitmap.size() <= bit / 8) bitmap.resize(bit / 8 + 1);
  bitmap[bit / 8] = static_cast<char>(bitmap[bit / 8] | (1 << (bit % 8)));
}

void ColumnSet::Put(size_t slot, uint64_t delta) {
  Column& column = columns_[slot];
  SetBit(column.present);
  column.deltas.push_back(static_cast<int64_t>(delta));
  delta_bytes_ += ZigzagVarintBytes(column.deltas.back());
}

void ColumnSet::Lose(size_t slot) { SetBit(columns_[slot].absent); }

void ColumnSet::WriteTo(v1::ConnectionRows& rows) {
  rows.mutable_changed_row_deltas()->Add(row_deltas_.begin(), row_deltas_.end());
  const size_t bitmap_bytes = (row_deltas_.size() + 7) / 8;
  for (size_t slot = 0; slot < kFieldSlots; ++slot) {
    Column& from = columns_[slot];
    if (from.present.empty() && from.absent.empty()) continue;
    v1::Column& column = *rows.add_columns();
    column.set_field_id(static_cast<uint32_t>(slot));
    from.present.resize(bitmap_bytes);
    column.set_present(from.present);
    column.mutable_deltas()->Add(from.deltas.begin(), from.deltas.end());
    if (from.absent.empty()) continue;
    from.absent.resize(bitmap_bytes);
    column.set_absent(from.absent);
  }
}

size_t ColumnSet::EstimatedBytes() const {
  constexpr size_t kLongestRowDelta = 3;  // rows are below kMostRows = 2^20
  constexpr size_t kColumnHeader = 24;
  return delta_bytes_ + row_deltas_.size() * kLongestRowDelta +
         kFieldSlots * (2 * (row_deltas_.size() / 8 + 1) + kColumnHeader);
}

}  // namespace tcpfleet::sockets
