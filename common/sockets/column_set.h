// Changed values of ascending rows, turned into columns.
//
// Bounds: keeps its buffers from frame to frame, so that a steady stream allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/sockets/field_values.h"

namespace tcpfleet::sockets {

class ColumnSet {
 public:
  void Clear();
  // Rows come in ascending order; what is put after it is of this row.
  void BeginRow(uint32_t row);
  // Takes the receiver's values of the row from `before` to those of `now` that are `wanted`.
  void Put(const FieldValues& before, const FieldValues& now, const FieldMask& changed,
           const FieldMask& wanted);

  size_t rows() const { return rows_; }
  // The rows as deltas, packed.
  const std::string& row_deltas() const { return row_deltas_; }
  // Appends every column as the field `number` of a message.
  void AppendColumns(int number, std::string& out);
  // Of what the above take, never less.
  size_t EstimatedBytes() const;

 private:
  struct Column {
    std::string present;
    std::string absent;
    std::string deltas;
    uint64_t last_new = 0;
    size_t values = 0;  // present ones
    size_t zeros = 0;   // at the end of deltas, not written yet
  };
  void SetBit(std::string& bitmap) const;

  std::array<Column, kFieldSlots> columns_;
  FieldMask used_;
  std::string row_deltas_;
  std::string scratch_;
  uint32_t last_row_ = 0;
  size_t rows_ = 0;
  size_t delta_bytes_ = 0;
};

}  // namespace tcpfleet::sockets
