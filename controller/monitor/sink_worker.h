// Notifications on their way to a receiver that may be slow, down or broken.
//
// Owns:    one thread. The destructor waits for the delivery under way, and gives what waits one
//          more try and kDrainTime.
// Bounds:  kMostWaiting notifications; a further one drops the oldest that is not being delivered.
// Retries: what fails with Unavailable or DeadlineExceeded is tried again after 1 s, twice as long
//          each time up to 1 min, with jitter, together with what has come since. Other errors give
//          it up.
// Threads: all functions from any thread.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "tcpfleet/v1/monitor.pb.h"

namespace tcpfleet::controller {

class SinkWorker {
 public:
  static constexpr size_t kMostWaiting = 256;
  static constexpr absl::Duration kDrainTime = absl::Seconds(10);

  // Called by the worker's thread: at most `most_at_once` notifications, oldest first, none after
  // Wake(). It should end by CLOCK_MONOTONIC `deadline_ns`.
  using Deliver = std::function<absl::Status(absl::Span<const v1::AlertNotification> notifications,
                                             int64_t deadline_ns)>;

  SinkWorker(std::string name, size_t most_at_once, Deliver deliver, base::Clock& clock);
  ~SinkWorker();
  SinkWorker(const SinkWorker&) = delete;
  SinkWorker& operator=(const SinkWorker&) = delete;

  void Push(const v1::AlertNotification& notification) ABSL_LOCKS_EXCLUDED(mutex_);
  // Delivers once even when nothing waits.
  void Wake() ABSL_LOCKS_EXCLUDED(mutex_);
  v1::SinkStatus status() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Loop() ABSL_LOCKS_EXCLUDED(mutex_);
  // False when there is nothing more to do.
  bool Take(std::vector<v1::AlertNotification>& batch, int64_t& deadline_ns)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // How long to wait before the next try.
  absl::Duration Settle(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

  const size_t most_at_once_;
  const Deliver deliver_;
  base::Clock& clock_;
  std::stop_source stop_;  // of waiting between tries
  std::minstd_rand jitter_;
  mutable base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<v1::AlertNotification> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t in_hand_ ABSL_GUARDED_BY(mutex_) = 0;  // first of waiting_, being delivered
  bool is_awake_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t drain_until_ns_ ABSL_GUARDED_BY(mutex_) = 0;
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;
  v1::SinkStatus status_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace tcpfleet::controller
