// The connections of one stream by row id.
//
// Bounds: kMostRows rows; storage comes in blocks of kBlockRows, as rows are dense.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/sockets/connection_sample.h"

namespace tcpfleet::sockets {

inline constexpr size_t kMostRows = size_t{1} << 20;

class RowTable {
 public:
  struct Entry {
    uint32_t row;
    const ConnectionSample& sample;
  };
  class Iterator;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Null when there is no such row. Valid until the row is erased or the table cleared.
  const ConnectionSample* Find(uint32_t row) const {
    const Block* block =
        row / kBlockRows < blocks_.size() ? blocks_[row / kBlockRows].get() : nullptr;
    return block != nullptr && (block->used >> (row % kBlockRows) & 1) != 0
               ? &block->samples[row % kBlockRows]
               : nullptr;
  }
  ConnectionSample* Find(uint32_t row) {
    return const_cast<ConnectionSample*>(static_cast<const RowTable*>(this)->Find(row));
  }
  // Ascending by row.
  inline Iterator begin() const;
  inline Iterator end() const;

  // `row` is not there yet and below kMostRows.
  ConnectionSample& Insert(uint32_t row);
  void Erase(uint32_t row);
  void Clear();

 private:
  static constexpr size_t kBlockRows = 64;
  struct Block {
    uint64_t used = 0;
    ConnectionSample samples[kBlockRows];
  };
  // The first row from `row` on; past all blocks when there is none.
  uint32_t Next(uint32_t row) const;
  uint32_t end_row() const { return static_cast<uint32_t>(blocks_.size() * kBlockRows); }

  std::vector<std::unique_ptr<Block>> blocks_;  // null where no row is used
  size_t size_ = 0;
};

class RowTable::Iterator {
 public:
  Iterator(const RowTable* table, uint32_t row) : table_(table), row_(row) {}
  Entry operator*() const { return {row_, *table_->Find(row_)}; }
  Iterator& operator++() {
    row_ = table_->Next(row_ + 1);
    return *this;
  }
  bool operator==(const Iterator& other) const { return row_ == other.row_; }

 private:
  const RowTable* table_;
  uint32_t row_;
};

RowTable::Iterator RowTable::begin() const { return {this, Next(0)}; }
RowTable::Iterator RowTable::end() const { return {this, end_row()}; }

}  // namespace tcpfleet::sockets
