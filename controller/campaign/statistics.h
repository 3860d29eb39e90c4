// What a few repeated measurements say. Pure.
#pragma once

#include <absl/types/span.h>

#include <optional>
#include <vector>

namespace tcpfleet::controller {

// Of at least one value.
double Median(std::vector<double> values);

// Sample standard deviation in percent of the mean; absent with fewer than two values or a mean of
// 0.
std::optional<double> VariationPercent(absl::Span<const double> values);

struct Interval {
  double low = 0;
  double high = 0;
  double confidence_percent = 0;
};

// The narrowest interval between order statistics that covers the median of what the values were
// drawn from with at least 95 %, whatever its distribution (sign test, exact binomial). Absent with
// fewer than six values.
std::optional<Interval> MedianInterval(std::vector<double> values);

// Of the geometric mean of `b` divided by that of `a`, 95 %: Welch's t interval on logarithms.
// Absent with fewer than two values on a side, or one that is not above 0.
std::optional<Interval> RatioInterval(absl::Span<const double> a, absl::Span<const double> b);

// P(T <= t) of Student's distribution with `freedom` degrees, and its inverse for 0.5 <= p < 1.
double StudentCdf(double t, double freedom);
double StudentQuantile(double p, double freedom);

}  // namespace tcpfleet::controller
