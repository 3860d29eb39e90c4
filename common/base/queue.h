#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "common/base/mutex.h"

namespace tcpfleet::base {

// Messages from many threads to one. Threads: all functions from any thread. Bounds: at most
// `capacity` wait.
template <class T>
class Queue {
 public:
  explicit Queue(size_t capacity) : capacity_(capacity) {}

  // False when the queue is full; the message is dropped.
  bool Push(T message) ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      MutexLock lock(mutex_);
      if (waiting_.size() == capacity_) return false;
      waiting_.push_back(std::move(message));
    }
    arrived_.NotifyAll();
    return true;
  }

  // The oldest message; nothing when CLOCK_MONOTONIC reaches `deadline_ns` first.
  std::optional<T> PopUntil(int64_t deadline_ns) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    bool in_time = true;
    while (waiting_.empty() && in_time) in_time = arrived_.WaitUntil(mutex_, deadline_ns);
    if (waiting_.empty()) return std::nullopt;
    std::optional<T> oldest(std::move(waiting_.front()));
    waiting_.pop_front();
    return oldest;
  }

 private:
  const size_t capacity_;
  Mutex mutex_;
  CondVar arrived_;
  std::deque<T> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tcpfleet::base
