#pragma once

#include <absl/types/span.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace tcpfleet::bench {

struct Goal {
  double bound = 0;
  bool at_least = false;  // else at most

  bool HoldsFor(double value) const { return at_least ? value >= bound : value <= bound; }
};
constexpr Goal AtMost(double bound) { return {bound, false}; }
constexpr Goal AtLeast(double bound) { return {bound, true}; }

// One row of the result.
struct Measurement {
  std::string name;          // "load/crr/cpu"
  double value = 0;          // median of the rounds
  std::optional<Goal> goal;  // absent when the row only informs
  std::string unit;
  size_t rounds = 0;
  double spread = 0;  // (highest - lowest round) / median; 0 when the median is 0

  bool Missed() const { return goal && !goal->HoldsFor(value); }
};

// `rounds` must not be empty.
Measurement FromRounds(std::string name, std::vector<double> rounds, std::string unit,
                       std::optional<Goal> goal = std::nullopt);

// "x bare": ours as a multiple of the bare program's.
inline constexpr char kTimesBare[] = "x bare";

std::string ToTable(absl::Span<const Measurement> measurements);
std::string ToJson(absl::Span<const Measurement> measurements);

}  // namespace tcpfleet::bench
