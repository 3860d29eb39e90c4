#include "agent/load/run_control.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "common/base/clock.h"

namespace tcpfleet::agent {

RunControl::RunControl(int64_t lease_ns)
    : lease_ns_(lease_ns), lease_deadline_ns_(base::MonotonicNowNs() + lease_ns) {}

void RunControl::Heartbeat() {
  lease_deadline_ns_.store(base::MonotonicNowNs() + lease_ns_, std::memory_order_relaxed);
}

void RunControl::RequestStop(v1::Finished::Cause cause) {
  int none = v1::Finished::CAUSE_UNSPECIFIED;
  if (cause_.compare_exchange_strong(none, cause)) NotifyChange();
}

bool RunControl::MustStop(int64_t now_ns) {
  if (cause() != v1::Finished::CAUSE_UNSPECIFIED) return true;
  if (now_ns <= lease_deadline_ns()) return false;
  RequestStop(v1::Finished::CAUSE_LEASE_EXPIRED);
  return true;
}

void RunControl::NoteFirstConnect(int64_t now_ns) {
  int64_t earliest = first_connect_ns();
  while ((earliest == 0 || now_ns < earliest) &&
         !first_connect_ns_.compare_exchange_weak(earliest, now_ns)) {
  }
}

void RunControl::NoteFirstConnection(v1::SocketOptions options) {
  base::MutexLock lock(mutex_);
  first_outcome_known_ = true;
  first_options_ = std::move(options);
}

void RunControl::NoteFirstFailure() {
  base::MutexLock lock(mutex_);
  first_outcome_known_ = true;
}

bool RunControl::FirstOutcomeKnown() {
  base::MutexLock lock(mutex_);
  return first_outcome_known_;
}

std::optional<v1::SocketOptions> RunControl::first_options() {
  base::MutexLock lock(mutex_);
  return first_options_;
}

bool RunControl::MayLog(int64_t now_ns) {
  int64_t logged_ns = logged_ns_.load(std::memory_order_relaxed);
  return now_ns - logged_ns >= 1'000'000'000 &&
         logged_ns_.compare_exchange_strong(logged_ns, now_ns);
}

void RunControl::Push(v1::RunRequest request) {
  base::MutexLock lock(mutex_);
  if (requests_.size() < kMostRequests) {
    requests_.push_back(std::move(request));
  } else {
    overflowed_ = true;
  }
  has_change_ = true;
  changed_.NotifyAll();
}

absl::StatusOr<std::optional<v1::RunRequest>> RunControl::Pop() {
  base::MutexLock lock(mutex_);
  if (overflowed_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", kMostRequests, " requests of one run wait to be handled"));
  }
  std::optional<v1::RunRequest> request;
  if (!requests_.empty()) {
    request = std::move(requests_.front());
    requests_.pop_front();
  }
  return request;
}

void RunControl::NotifyChange() {
  base::MutexLock lock(mutex_);
  has_change_ = true;
  changed_.NotifyAll();
}

void RunControl::WaitForChange(int64_t deadline_ns) {
  base::MutexLock lock(mutex_);
  while (!has_change_ && changed_.WaitUntil(mutex_, deadline_ns)) {
  }
  has_change_ = false;
}

}  // namespace tcpfleet::agent
