#include "agent/load/schedule.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace tcpfleet::agent {
namespace {

uint64_t NextRandom(uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  uint64_t mixed = state;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

}  // namespace

double NextUniform(uint64_t& state) {
  return static_cast<double>((NextRandom(state) >> 11) + 1) * 0x1p-53;
}

RateCurve::RateCurve(absl::Span<const v1::RateSegment* const> segments) : last_rate_(0) {
  for (const v1::RateSegment* given : segments) {
    const double length_s = static_cast<double>(given->duration_ms()) / 1e3;
    const double from = given->from_per_second();
    last_rate_ = given->to_per_second();
    segments_.push_back(
        {from, (last_rate_ - from) / length_s, length_s, last_begin_s_, last_begin_position_});
    last_begin_position_ = segments_.back().PositionAfter(length_s);
    last_begin_s_ += length_s;
  }
}

int64_t RateCurve::TimeOf(double position) const {
  // The end of a segment is the beginning of the next: the first that reaches the position has it.
  const auto after = std::lower_bound(segments_.begin(), segments_.end(), position,
                                      [](const Segment& segment, double wanted) {
                                        return segment.PositionAfter(segment.length_s) < wanted;
                                      });
  double begin_s = last_begin_s_;
  double later_ns = 0;
  if (after == segments_.end()) {
    const double beyond = position - last_begin_position_;
    if (beyond > 0) later_ns = beyond * 1e9 / last_rate_;
  } else {
    begin_s = after->begin_s;
    const double beyond = position - after->begin_position;
    // The quadratic formula in the form that loses no digits when the slope is small.
    const double root =
        std::sqrt(std::fmax(0, after->from * after->from + 2 * after->slope * beyond));
    if (beyond > 0) {
      later_ns = std::fmin(2 * beyond * 1e9 / (after->from + root), after->length_s * 1e9);
    }
  }
  return static_cast<int64_t>(
      std::fmin(begin_s * 1e9 + later_ns + 0.5, static_cast<double>(kFarNs)));
}

double RateCurve::PositionAt(int64_t time_ns) const {
  const double time_s = static_cast<double>(time_ns) / 1e9;
  for (const Segment& segment : segments_) {
    if (time_s < segment.begin_s + segment.length_s) {
      return segment.PositionAfter(std::fmax(0, time_s - segment.begin_s));
    }
  }
  return last_begin_position_ + std::fmax(0, time_s - last_begin_s_) * last_rate_;
}

ArrivalSequence::ArrivalSequence(int64_t start_ns, RateCurve curve, ScheduleSeat seat,
                                 const v1::Arrivals& arrivals)
    : start_ns_(start_ns), curve_(std::move(curve)), seat_(std::move(seat)) {
  if (arrivals.kind() == v1::Arrivals::KIND_EXPONENTIAL) {
    for (const uint32_t offset : seat_.offsets) {
      uint64_t random = arrivals.seed();
      for (const uint64_t part : {offset, seat_.worker}) random = NextRandom(random) + part;
      Process process{0, random};
      Step(process);
      processes_.push_back(process);
    }
    std::make_heap(processes_.begin(), processes_.end(), std::greater<>());
  }
  Find();
}

double ArrivalSequence::ConstantPosition(uint64_t k) const {
  const uint64_t of_agent = k * seat_.workers + seat_.worker;
  const uint64_t offsets = seat_.offsets.size();
  return static_cast<double>(of_agent / offsets) * seat_.stride + seat_.offsets[of_agent % offsets];
}

void ArrivalSequence::Step(Process& process) const {
  const double mean = static_cast<double>(seat_.stride) * seat_.workers;
  process.position -= std::log(NextUniform(process.random)) * mean;
}

void ArrivalSequence::Advance() {
  if (processes_.empty()) {
    ++taken_;
  } else {
    std::pop_heap(processes_.begin(), processes_.end(), std::greater<>());
    Step(processes_.back());
    std::push_heap(processes_.begin(), processes_.end(), std::greater<>());
  }
  Find();
}

void ArrivalSequence::Find() {
  const double position =
      processes_.empty() ? ConstantPosition(taken_) : processes_.front().position;
  next_ns_ = start_ns_ + curve_.TimeOf(position);
}

uint64_t ArrivalSequence::CountBefore(int64_t time_ns) const {
  if (time_ns <= next_ns_) return 0;
  if (!processes_.empty()) {
    const double expected =
        (curve_.PositionAt(time_ns - start_ns_) - curve_.PositionAt(next_ns_ - start_ns_)) *
        seat_.share();
    return 1 + static_cast<uint64_t>(expected);
  }
  // Times rise with positions: the first of ours that is not before `time_ns`.
  uint64_t low = taken_ + 1;
  uint64_t high = taken_ + 3 +
                  static_cast<uint64_t>(std::fmax(0, curve_.PositionAt(time_ns - start_ns_) -
                                                         ConstantPosition(taken_)) *
                                        seat_.share()) +
                  seat_.offsets.size();
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (start_ns_ + curve_.TimeOf(ConstantPosition(middle)) < time_ns) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low - taken_;
}

}  // namespace tcpfleet::agent
