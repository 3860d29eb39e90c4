// Calls back once, unless it is disarmed before: CLOCK_BOOTTIME, so that time in which the host was
// suspended counts, at most a second late then.
//
// Threads: Arm and Disarm from any thread; `on_due` runs on the timer's own, holding no lock of it.
//          The destructor waits for it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <thread>

#include "common/base/mutex.h"

namespace tcpfleet::agent {

class CommitTimer {
 public:
  CommitTimer(std::function<int64_t()> boottime_ns, std::function<void()> on_due)
      : boottime_ns_(std::move(boottime_ns)),
        on_due_(std::move(on_due)),
        thread_([this] { Loop(); }) {}
  ~CommitTimer();

  // In place of an earlier deadline.
  void Arm(int64_t deadline_boottime_ns) ABSL_LOCKS_EXCLUDED(mutex_);
  // on_due may be under way still.
  void Disarm() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Loop() ABSL_LOCKS_EXCLUDED(mutex_);
  // False when the timer ends.
  bool WaitUntilDue() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::function<int64_t()> boottime_ns_;
  const std::function<void()> on_due_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::optional<int64_t> deadline_ns_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tcpfleet::agent
