#include "agent/sysctl/commit_timer.h"

#include <algorithm>

#include "common/base/clock.h"

namespace tcpfleet::agent {
namespace {

// CLOCK_MONOTONIC, which waiting goes by, stands still while the host is suspended.
constexpr int64_t kLongestWaitNs = 1'000'000'000;

}  // namespace

CommitTimer::~CommitTimer() {
  {
    base::MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
}

void CommitTimer::Arm(int64_t deadline_boottime_ns) {
  {
    base::MutexLock lock(mutex_);
    deadline_ns_ = deadline_boottime_ns;
  }
  changed_.NotifyAll();
}

void CommitTimer::Disarm() {
  base::MutexLock lock(mutex_);
  deadline_ns_.reset();
}

bool CommitTimer::WaitUntilDue() {
  base::MutexLock lock(mutex_);
  while (!stopping_) {
    if (!deadline_ns_) {
      changed_.Wait(mutex_);
      continue;
    }
    const int64_t left_ns = *deadline_ns_ - boottime_ns_();
    if (left_ns <= 0) {
      deadline_ns_.reset();
      return true;
    }
    changed_.WaitUntil(mutex_, base::MonotonicNowNs() + std::min(left_ns, kLongestWaitNs));
  }
  return false;
}

void CommitTimer::Loop() {
  while (WaitUntilDue()) on_due_();
}

}  // namespace tcpfleet::agent
