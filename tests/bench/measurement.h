#pragma once

#include <absl/types/span.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace tcpfleet::bench {

// One row of the result.
struct Measurement {
  std::string name;  // "load/crr/cpu"
  double value = 0;  // median of the rounds
  // The value must not be above it; absent when the row only informs.
  std::optional<double> goal;
  std::string unit;
  size_t rounds = 0;
  double spread = 0;  // (highest - lowest round) / median; 0 when the median is 0

  bool Missed() const { return goal && value > *goal; }
};

// `rounds` must not be empty.
Measurement FromRounds(std::string name, std::vector<double> rounds, std::string unit,
                       std::optional<double> goal = std::nullopt);

// "x bare": ours as a multiple of the bare program's.
inline constexpr char kTimesBare[] = "x bare";

std::string ToTable(absl::Span<const Measurement> measurements);
std::string ToJson(absl::Span<const Measurement> measurements);

}  // namespace tcpfleet::bench
