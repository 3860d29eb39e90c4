// What the threads of one run share: the lease, the reason to stop, the start time, and the
// requests waiting for the supervisor. Load threads look at it once per turn of their loop, never
// per operation.
//
// Threads: safe.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>

#include "common/base/mutex.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

class RunControl {
 public:
  // The lease runs from now on.
  explicit RunControl(int64_t lease_ns);

  void Heartbeat();
  int64_t lease_deadline_ns() const { return lease_deadline_ns_.load(std::memory_order_relaxed); }

  // The first cause stays.
  void RequestStop(v1::Finished::Cause cause);
  // True when the run must stop before its end time: something asked for it, or the lease is over.
  bool MustStop(int64_t now_ns);
  // CAUSE_UNSPECIFIED while nothing asked for a stop.
  v1::Finished::Cause cause() const {
    return static_cast<v1::Finished::Cause>(cause_.load(std::memory_order_relaxed));
  }

  // CLOCK_MONOTONIC; 0 while unknown.
  int64_t start_ns() const { return start_ns_.load(std::memory_order_acquire); }
  void SetStart(int64_t start_ns) { start_ns_.store(start_ns, std::memory_order_release); }

  // Right after connect() returned; the earliest one of all threads is kept. 0 while none was made.
  void NoteFirstConnect(int64_t now_ns);
  int64_t first_connect_ns() const { return first_connect_ns_.load(std::memory_order_relaxed); }

  // True for one caller only: it reads the socket options of its connection and notes them.
  bool ClaimFirstConnection() { return !options_claimed_.exchange(true); }
  void NoteFirstConnection(v1::SocketOptions options);
  void NoteFirstFailure();
  // The first connection has opened or failed.
  bool FirstOutcomeKnown();
  std::optional<v1::SocketOptions> first_options();

  // True at most once per second: a trouble that repeats is logged then.
  bool MayLog(int64_t now_ns);

  // Requests for the supervisor, in order; at most kMostRequests wait.
  static constexpr size_t kMostRequests = 16;
  void Push(v1::RunRequest request);
  // ResourceExhausted when more came than may wait.
  absl::StatusOr<std::optional<v1::RunRequest>> Pop();

  // Wakes the supervisor.
  void NotifyChange();
  // Waits for a change since the last call, at most until `deadline_ns`.
  void WaitForChange(int64_t deadline_ns);

 private:
  const int64_t lease_ns_;
  std::atomic<int64_t> lease_deadline_ns_;
  std::atomic<int> cause_ = v1::Finished::CAUSE_UNSPECIFIED;
  std::atomic<int64_t> start_ns_ = 0;
  std::atomic<int64_t> first_connect_ns_ = 0;
  std::atomic<bool> options_claimed_ = false;
  std::atomic<int64_t> logged_ns_ = 0;

  base::Mutex mutex_;
  base::CondVar changed_;
  bool has_change_ ABSL_GUARDED_BY(mutex_) = false;
  bool overflowed_ ABSL_GUARDED_BY(mutex_) = false;
  bool first_outcome_known_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<v1::SocketOptions> first_options_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::RunRequest> requests_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tcpfleet::agent
