// Time as a constructor argument, so that tests own it.
#pragma once

#include <absl/time/time.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>

namespace tcpfleet::base {

// Threads: all functions may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  // CLOCK_MONOTONIC: nanoseconds since an arbitrary point, the same for all processes of one host.
  virtual int64_t MonotonicNs() const = 0;

  // CLOCK_REALTIME.
  virtual absl::Time Now() const = 0;

  // Waits until MonotonicNs() >= deadline_ns. False as soon as `stop` is requested.
  virtual bool SleepUntil(int64_t deadline_ns, std::stop_token stop) = 0;
};

class SystemClock final : public Clock {
 public:
  int64_t MonotonicNs() const override;
  absl::Time Now() const override;
  bool SleepUntil(int64_t deadline_ns, std::stop_token stop) override;
};

// CLOCK_MONOTONIC without a Clock, for hot paths that do not take one.
int64_t MonotonicNowNs();

}  // namespace tcpfleet::base
