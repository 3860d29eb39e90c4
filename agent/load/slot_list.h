#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tcpfleet::agent {

inline constexpr uint32_t kNoSlot = ~uint32_t{0};

enum class SlotState : uint8_t {
  kClosed,      // no socket
  kConnecting,  // handshake under way
  kOpen,
};

// One connection a client keeps busy. All slots of a worker are allocated before the run.
struct Slot {
  // When the operation under way was meant to start; while the slot waits after a failure: when
  // that was.
  int64_t operation_ns = 0;
  int64_t connect_ns = 0;  // right before connect()
  int fd = -1;
  uint32_t target = 0;
  uint32_t previous = kNoSlot;  // neighbours in the one SlotList the slot may be in
  uint32_t next = kNoSlot;
  uint32_t unsent = 0;      // bytes of the request
  uint32_t unreceived = 0;  // bytes of the response
  uint8_t address = 0;      // of the target's addresses, the one in use
  uint8_t failed_addresses = 0;
  SlotState state = SlotState::kClosed;
  bool in_operation = false;
};
static_assert(sizeof(Slot) <= 64);

// A queue threaded through the slots themselves: nothing is allocated, and any slot can leave.
class SlotList {
 public:
  explicit SlotList(std::vector<Slot>& slots) : slots_(slots) {}

  bool empty() const { return first_ == kNoSlot; }
  size_t size() const { return size_; }
  uint32_t front() const { return first_; }

  void PushBack(uint32_t slot) {
    slots_[slot].previous = last_;
    slots_[slot].next = kNoSlot;
    (last_ == kNoSlot ? first_ : slots_[last_].next) = slot;
    last_ = slot;
    ++size_;
  }

  void Remove(uint32_t slot) {
    const Slot& gone = slots_[slot];
    (gone.previous == kNoSlot ? first_ : slots_[gone.previous].next) = gone.next;
    (gone.next == kNoSlot ? last_ : slots_[gone.next].previous) = gone.previous;
    --size_;
  }

  uint32_t PopFront() {
    const uint32_t slot = first_;
    Remove(slot);
    return slot;
  }

 private:
  std::vector<Slot>& slots_;
  uint32_t first_ = kNoSlot;
  uint32_t last_ = kNoSlot;
  size_t size_ = 0;
};

}  // namespace tcpfleet::agent
