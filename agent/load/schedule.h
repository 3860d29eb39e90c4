// When operations are due: one schedule for the whole fleet, of which every load thread works out
// its own part without asking anybody. Sending late never moves it.
//
// Units:   times in nanoseconds; positions count the fleet's operations from 0.
// Threads: one owner each.
// Bounds:  a far future stays far: no time lies more than kFarNs after the start.
#pragma once

#include <absl/types/span.h>

#include <cstdint>
#include <vector>

#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

inline constexpr int64_t kFarNs = 1'000'000'000'000'000'000;  // 31 years

// Worker `index`'s part of `total` dealt out one by one.
constexpr uint32_t ShareOf(uint32_t total, uint32_t index, uint32_t workers) {
  return total / workers + (index < total % workers ? 1 : 0);
}

// The fleet's rate over time, and its integral.
class RateCurve {
 public:
  explicit RateCurve(double rate_per_second) : last_rate_(rate_per_second) {}
  // The last rate goes on.
  explicit RateCurve(absl::Span<const v1::RateSegment* const> segments);

  // Time after the start at which the integral of the rate reaches `position`.
  int64_t TimeOf(double position) const;
  // The integral of the rate over the first `time_ns`.
  double PositionAt(int64_t time_ns) const;

 private:
  struct Segment {
    double from = 0;   // operations per second
    double slope = 0;  // change of that per second
    double length_s = 0;
    double begin_s = 0;
    double begin_position = 0;

    double PositionAfter(double seconds) const {
      return begin_position + seconds * (from + slope * seconds / 2);
    }
  };

  std::vector<Segment> segments_;
  double last_rate_;
  double last_begin_s_ = 0;
  double last_begin_position_ = 0;
};

// Which of the fleet's operations are one load thread's: within a round of `stride` those at
// `offsets` are the agent's, and of the agent's every `workers`-th is the thread's.
struct ScheduleSeat {
  uint32_t stride = 1;
  std::vector<uint32_t> offsets = {0};
  uint32_t worker = 0;
  uint32_t workers = 1;

  // The part of the fleet's operations that is the thread's.
  double share() const {
    return static_cast<double>(offsets.size()) / (static_cast<double>(stride) * workers);
  }
};

// The times at which one load thread's operations are due, in their order.
//
// Constant arrivals: operation number i of the fleet is due when the integral of the rate reaches
// i. Exponential: every offset of every thread is a Poisson process of its own, seeded by all three
// numbers, so that all of them together are one of the fleet's rate.
class ArrivalSequence {
 public:
  ArrivalSequence(int64_t start_ns, RateCurve curve, ScheduleSeat seat,
                  const v1::Arrivals& arrivals);

  int64_t next_ns() const { return next_ns_; }
  bool is_random() const { return !processes_.empty(); }
  void Advance();

  // Operations due from next_ns() to before `time_ns`: exact for constant arrivals, the expected
  // number for exponential ones.
  uint64_t CountBefore(int64_t time_ns) const;

 private:
  struct Process {
    double position;
    uint64_t random;

    bool operator>(const Process& other) const { return position > other.position; }
  };

  double ConstantPosition(uint64_t k) const;
  void Step(Process& process) const;
  void Find();

  const int64_t start_ns_;
  const RateCurve curve_;
  const ScheduleSeat seat_;
  uint64_t taken_ = 0;              // constant
  std::vector<Process> processes_;  // exponential: a heap, earliest first
  int64_t next_ns_ = 0;
};

// Uniform in (0, 1]. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
// 2014 (SplitMix64).
double NextUniform(uint64_t& state);

}  // namespace tcpfleet::agent
