// The changed rows of one frame, turned into columns.
//
// Bounds: keeps its buffers from frame to frame, so that a steady stream allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/sockets/field.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::sockets {

class ColumnSet {
 public:
  void Clear();
  // Rows come in ascending order; Put and Lose speak of the row begun last.
  void BeginRow(uint32_t row);
  // `delta` modulo 2^64.
  void Put(size_t slot, uint64_t delta);
  void Lose(size_t slot);
  // Fills changed_row_deltas and columns, which must be empty.
  void WriteTo(v1::ConnectionRows& rows);
  // Of what WriteTo will serialize to, never less.
  size_t EstimatedBytes() const;

 private:
  struct Column {
    std::string present;
    std::string absent;
    std::vector<int64_t> deltas;
  };
  void SetBit(std::string& bitmap) const;

  std::array<Column, kFieldSlots> columns_;
  std::vector<uint32_t> row_deltas_;
  uint32_t last_row_ = 0;
  size_t delta_bytes_ = 0;
};

}  // namespace tcpfleet::sockets
