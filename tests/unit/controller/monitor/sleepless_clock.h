// A clock whose sleeps are over at once and are remembered. Threads: any.
#pragma once

#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace tcpfleet::controller {

class SleeplessClock final : public base::Clock {
 public:
  int64_t MonotonicNs() const override {
    base::MutexLock lock(mutex_);
    return now_ns_;
  }
  absl::Time Now() const override {
    return absl::FromUnixSeconds(1'700'000'000) + absl::Nanoseconds(MonotonicNs());
  }
  bool SleepUntil(int64_t deadline_ns, std::stop_token stop) override {
    base::MutexLock lock(mutex_);
    sleeps_.push_back(absl::Nanoseconds(deadline_ns - now_ns_));
    now_ns_ = deadline_ns;
    return !stop.stop_requested();
  }
  void Advance(absl::Duration by) {
    base::MutexLock lock(mutex_);
    now_ns_ += absl::ToInt64Nanoseconds(by);
  }
  std::vector<absl::Duration> sleeps() const {
    base::MutexLock lock(mutex_);
    return sleeps_;
  }

 private:
  mutable base::Mutex mutex_;
  int64_t now_ns_ ABSL_GUARDED_BY(mutex_) = 1'000'000'000;
  std::vector<absl::Duration> sleeps_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tcpfleet::controller
