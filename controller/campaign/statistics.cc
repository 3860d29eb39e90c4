#include "controller/campaign/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tcpfleet::controller {
namespace {

constexpr double kConfidence = 0.95;

double Mean(absl::Span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Unbiased; at least two values.
double Variance(absl::Span<const double> values) {
  const double mean = Mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return squares / static_cast<double>(values.size() - 1);
}

// Continued fraction of the incomplete beta function, by Lentz's method. Source: NIST DLMF 8.17.22.
double BetaFraction(double x, double a, double b) {
  constexpr double kTiny = 1e-300;
  constexpr int kMostTerms = 500;
  const auto away_from_zero = [](double value) { return std::fabs(value) < kTiny ? kTiny : value; };
  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double result = d;
  for (int m = 1; m <= kMostTerms; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double change = 1;
    for (const double term : {even, odd}) {
      d = 1 / away_from_zero(1 + term * d);
      c = away_from_zero(1 + term / c);
      change *= c * d;
    }
    result *= change;
    if (std::fabs(change - 1) < 1e-14) break;
  }
  return result;
}

// Regularized incomplete beta function.
double IncompleteBeta(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // Where the fraction converges fast; the other side by symmetry.
  if (x > (a + 1) / (a + b + 2)) return 1 - IncompleteBeta(1 - x, b, a);
  const double log_front =
      std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x);
  return std::exp(log_front) * BetaFraction(x, a, b) / a;
}

std::optional<std::vector<double>> Logarithms(absl::Span<const double> values) {
  std::vector<double> logarithms;
  for (const double value : values) {
    if (!(value > 0)) return std::nullopt;
    logarithms.push_back(std::log(value));
  }
  return logarithms;
}

}  // namespace

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::optional<double> VariationPercent(absl::Span<const double> values) {
  if (values.size() < 2 || Mean(values) == 0) return std::nullopt;
  return 100 * std::sqrt(Variance(values)) / std::fabs(Mean(values));
}

std::optional<Interval> MedianInterval(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  // Leaving out `cut` values at each end misses the median with probability
  // 2 P(Binomial(n, 1/2) <= cut).
  std::optional<Interval> narrowest;
  double missed = 0;
  double choose = 1;  // n over cut
  for (size_t cut = 0; 2 * cut + 1 < n; ++cut) {
    missed += 2 * choose * std::exp2(-static_cast<double>(n));
    if (1 - missed < kConfidence) break;
    narrowest = Interval{values[cut], values[n - 1 - cut], 100 * (1 - missed)};
    choose = choose * static_cast<double>(n - cut) / static_cast<double>(cut + 1);
  }
  return narrowest;
}

std::optional<Interval> RatioInterval(absl::Span<const double> a, absl::Span<const double> b) {
  const auto log_a = Logarithms(a);
  const auto log_b = Logarithms(b);
  if (a.size() < 2 || b.size() < 2 || !log_a.has_value() || !log_b.has_value()) return std::nullopt;
  const double ratio = Mean(*log_b) - Mean(*log_a);
  const double share_a = Variance(*log_a) / static_cast<double>(a.size());
  const double share_b = Variance(*log_b) / static_cast<double>(b.size());
  const double variance = share_a + share_b;
  double half_width = 0;
  if (variance > 0) {  // Welch-Satterthwaite
    const double freedom = variance * variance /
                           (share_a * share_a / static_cast<double>(a.size() - 1) +
                            share_b * share_b / static_cast<double>(b.size() - 1));
    half_width = StudentQuantile((1 + kConfidence) / 2, freedom) * std::sqrt(variance);
  }
  return Interval{std::exp(ratio - half_width), std::exp(ratio + half_width), 100 * kConfidence};
}

double StudentCdf(double t, double freedom) {
  const double tail = IncompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2;
  return t > 0 ? 1 - tail : tail;
}

double StudentQuantile(double p, double freedom) {
  double low = 0;
  double high = 1;
  while (StudentCdf(high, freedom) < p && high < 1e12) high *= 2;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (StudentCdf(middle, freedom) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace tcpfleet::controller
