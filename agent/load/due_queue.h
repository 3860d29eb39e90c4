// The timers of one load thread: at most one per slot, earliest first.
//
// Bounds: 20 bytes per slot, allocated once. Setting and taking cost the logarithm of the number
//         of timers that are set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace tcpfleet::agent {

class DueQueue {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  explicit DueQueue(size_t slots) : places_(slots, kNone) { heap_.reserve(slots); }

  bool empty() const { return heap_.empty(); }
  bool Has(uint32_t slot) const { return !heap_.empty() && places_[slot] != kNone; }
  // kNever when empty.
  int64_t next_ns() const { return heap_.empty() ? kNever : heap_.front().due_ns; }
  uint32_t front() const { return heap_.front().slot; }

  // In place of the one the slot has.
  void Set(uint32_t slot, int64_t due_ns) {
    uint32_t place = places_[slot];
    if (place == kNone) {
      place = static_cast<uint32_t>(heap_.size());
      heap_.push_back({due_ns, slot});
    }
    Settle(place, {due_ns, slot});
  }

  void Cancel(uint32_t slot) {
    if (!Has(slot)) return;
    const uint32_t place = std::exchange(places_[slot], kNone);
    const Timer last = heap_.back();
    heap_.pop_back();
    if (last.slot != slot) Settle(place, last);
  }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  struct Timer {
    int64_t due_ns;
    uint32_t slot;
  };

  void Put(size_t place, const Timer& timer) {
    heap_[place] = timer;
    places_[timer.slot] = static_cast<uint32_t>(place);
  }

  // Puts `timer` where it belongs, from the free place `place`.
  void Settle(size_t place, const Timer& timer) {
    for (; place > 0; place = (place - 1) / 2) {
      const Timer& parent = heap_[(place - 1) / 2];
      if (parent.due_ns <= timer.due_ns) break;
      Put(place, parent);
    }
    for (;;) {
      size_t child = 2 * place + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && heap_[child + 1].due_ns < heap_[child].due_ns) ++child;
      if (heap_[child].due_ns >= timer.due_ns) break;
      Put(place, heap_[child]);
      place = child;
    }
    Put(place, timer);
  }

  std::vector<Timer> heap_;
  std::vector<uint32_t> places_;  // by slot
};

}  // namespace tcpfleet::agent
