#include "common/sockets/row_table.h"

namespace tcpfleet::sockets {

ConnectionSample& RowTable::Insert(uint32_t row) {
  const size_t index = row / kBlockRows;
  if (index >= blocks_.size()) blocks_.resize(index + 1);
  if (blocks_[index] == nullptr) blocks_[index] = std::make_unique<Block>();
  blocks_[index]->used |= uint64_t{1} << (row % kBlockRows);
  ++size_;
  return blocks_[index]->samples[row % kBlockRows];
}

void RowTable::Erase(uint32_t row) {
  std::unique_ptr<Block>& block = blocks_[row / kBlockRows];
  block->samples[row % kBlockRows] = {};
  block->used &= ~(uint64_t{1} << (row % kBlockRows));
  if (block->used == 0) block.reset();
  --size_;
}

void RowTable::Clear() {
  blocks_.clear();
  size_ = 0;
}

uint32_t RowTable::Next(uint32_t row) const {
  size_t index = row / kBlockRows;
  size_t skip = row % kBlockRows;
  for (; index < blocks_.size(); ++index, skip = 0) {
    if (blocks_[index] == nullptr) continue;
    const uint64_t rest = blocks_[index]->used >> skip;
    if (rest != 0) {
      return static_cast<uint32_t>(index * kBlockRows + skip +
                                   static_cast<size_t>(std::countr_zero(rest)));
    }
  }
  return end_row();
}

}  // namespace tcpfleet::sockets
