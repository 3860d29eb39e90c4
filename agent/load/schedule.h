#pragma once

#include <cmath>
#include <cstdint>

namespace tcpfleet::agent {

// The absolute times at which one of `workers` threads starts operations, such that all of them
// together start one every 1/rate seconds. Sending late never moves it.
class Schedule {
 public:
  Schedule(int64_t start_ns, double rate_per_second, uint32_t worker, uint32_t workers)
      : start_ns_(start_ns),
        period_ns_(1e9 / rate_per_second),
        worker_(worker),
        workers_(workers) {}

  // When this worker's operation number `k` (from 0) starts.
  int64_t At(uint64_t k) const {
    const double position = static_cast<double>(k) * workers_ + worker_;
    // A far future stays far: 1e18 ns are 31 years.
    return start_ns_ + static_cast<int64_t>(std::fmin(position * period_ns_, 1e18));
  }

 private:
  int64_t start_ns_;
  double period_ns_;
  uint32_t worker_;
  uint32_t workers_;
};

// Worker `index`'s part of `total` dealt out one by one.
constexpr uint32_t ShareOf(uint32_t total, uint32_t index, uint32_t workers) {
  return total / workers + (index < total % workers ? 1 : 0);
}

}  // namespace tcpfleet::agent
