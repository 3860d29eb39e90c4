#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/load/port_allocator.h"

namespace tcpfleet::agent {

inline constexpr uint32_t kNoSlot = ~uint32_t{0};

enum class SlotState : uint8_t {
  kClosed,      // no socket
  kConnecting,  // handshake under way
  kOpen,
};

struct Operation {
  int64_t due_ns = 0;    // when it was meant to start; without a schedule: when it did
  int64_t start_ns = 0;  // when it did
};

// One connection a client keeps busy. All slots of a worker are allocated before the run.
struct Slot {
  Operation operation;     // the one under way; with a pipeline they are in the worker's rings
  int64_t connect_ns = 0;  // right before connect()
  int64_t free_ns = 0;     // since when it could have taken an operation
  int64_t heard_ns = 0;    // hold with heartbeats: when the peer gave its last sign of life
  int fd = -1;
  uint32_t target = 0;
  uint32_t previous = kNoSlot;  // neighbours in the one SlotList the slot may be in
  uint32_t next = kNoSlot;
  uint32_t unsent = 0;      // bytes of requests
  uint32_t unreceived = 0;  // bytes of the oldest response
  uint32_t turns = 0;       // operations started so far
  uint32_t requests = 0;    // on this connection
  PortLease lease;
  uint16_t outstanding = 0;  // operations under way
  uint16_t oldest = 0;       // its place in the ring
  uint8_t address = 0;       // of the target's addresses, the one in use
  uint8_t failed_addresses = 0;
  uint8_t failures = 0;  // in a row
  SlotState state = SlotState::kClosed;
  bool ready : 1 = false;  // in the list of those that may start an operation
  bool was_open : 1 = false;
  bool sent_early : 1 = false;  // the request, before the connection was known to be open
  bool parting : 1 = false;     // waits for the server to close

  bool in_operation() const { return outstanding > 0; }
};
static_assert(sizeof(Slot) <= 96);

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
