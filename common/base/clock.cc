#include "common/base/clock.h"

#include <absl/time/clock.h>
#include <time.h>

#include <chrono>

namespace tcpfleet::base {

int64_t MonotonicNowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

int64_t SystemClock::MonotonicNs() const { return MonotonicNowNs(); }

absl::Time SystemClock::Now() const { return absl::Now(); }

bool SystemClock::SleepUntil(int64_t deadline_ns, std::stop_token stop) {
  // steady_clock is CLOCK_MONOTONIC in libstdc++, so both share their origin.
  const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(deadline_ns)};
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_until(lock, stop, deadline, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace tcpfleet::base
