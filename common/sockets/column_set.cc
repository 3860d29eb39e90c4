#include "common/sockets/column_set.h"

#include <utility>

#include "common/sockets/wire_writer.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::sockets {

void ColumnSet::Clear() {
  for (size_t slot = used_._Find_first(); slot < kFieldSlots; slot = used_._Find_next(slot)) {
    Column& column = columns_[slot];
    column.present.clear();
    column.absent.clear();
    column.deltas.clear();
    column.last_new = 0;
    column.values = column.zeros = 0;
  }
  used_.reset();
  row_deltas_.clear();
  last_row_ = 0;
  rows_ = 0;
  delta_bytes_ = 0;
}

void ColumnSet::BeginRow(uint32_t row) {
  AppendVarint(row - last_row_, row_deltas_);
  last_row_ = row;
  ++rows_;
}

void ColumnSet::SetBit(std::string& bitmap) const {
  const size_t bit = rows_ - 1;
  if (bitmap.size() <= bit / 8) bitmap.resize(bit / 8 + 1);
  bitmap[bit / 8] = static_cast<char>(bitmap[bit / 8] | (1 << (bit % 8)));
}

void ColumnSet::Put(const FieldValues& before, const FieldValues& now, const FieldMask& changed,
                    const FieldMask& wanted) {
  used_ |= changed;
  for (size_t slot = changed._Find_first(); slot < kFieldSlots; slot = changed._Find_next(slot)) {
    Column& column = columns_[slot];
    const auto field = static_cast<Field>(slot);
    if (!now.Has(field)) {
      SetBit(column.absent);
      continue;
    }
    const uint64_t value = now.Get(field);
    uint64_t base = before.Get(field);
    if (!before.Has(field)) {
      const Field companion = CompanionOf(field);
      base = companion != Field::kState && wanted[SlotOf(companion)] && now.Has(companion)
                 ? now.Get(companion)
                 : std::exchange(column.last_new, value);
    }
    SetBit(column.present);
    ++column.values;
    ++delta_bytes_;
    if (value == base) {
      ++column.zeros;
      continue;
    }
    const size_t size = column.deltas.size();
    column.deltas.append(std::exchange(column.zeros, 0), '\0');
    AppendVarint(Zigzag(value - base), column.deltas);
    delta_bytes_ += column.deltas.size() - size;
  }
}

void ColumnSet::AppendColumns(int number, std::string& out) {
  const size_t bitmap_bytes = (rows_ + 7) / 8;
  for (size_t slot = used_._Find_first(); slot < kFieldSlots; slot = used_._Find_next(slot)) {
    Column& column = columns_[slot];
    scratch_.clear();
    AppendNumberField(v1::Column::kFieldIdFieldNumber, slot, scratch_);
    if (column.values != rows_) {
      column.present.resize(bitmap_bytes);
      AppendBytesField(v1::Column::kPresentFieldNumber, column.present, scratch_);
    }
    if (!column.deltas.empty()) {
      column.deltas.append(std::exchange(column.zeros, 0), '\0');
      AppendBytesField(v1::Column::kDeltasFieldNumber, column.deltas, scratch_);
    }
    if (!column.absent.empty()) {
      column.absent.resize(bitmap_bytes);
      AppendBytesField(v1::Column::kAbsentFieldNumber, column.absent, scratch_);
    }
    AppendBytesField(number, scratch_, out);
  }
}

size_t ColumnSet::EstimatedBytes() const {
  constexpr size_t kColumnHeader = 32;
  return delta_bytes_ + row_deltas_.size() + used_.count() * (2 * (rows_ / 8 + 1) + kColumnHeader);
}

}  // namespace tcpfleet::sockets
