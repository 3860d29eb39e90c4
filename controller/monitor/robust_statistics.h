// What a few wild numbers cannot bend: medians, and models fitted by them. Pure.
//
// All of it is given at least one sample, times ascending, numbers finite and at most 1 in size.
#pragma once

#include <absl/types/span.h>

#include <cstddef>
#include <optional>
#include <vector>

namespace tcpfleet::controller {

struct SeriesSample {
  double seconds = 0;  // since any moment, the same for all
  double value = 0;
};

double MedianOf(std::vector<double> values);
// Median distance from the median (MAD).
double MedianDeviation(absl::Span<const double> values);

struct Line {
  double slope = 0;  // per second
  double intercept = 0;

  double At(double seconds) const { return intercept + slope * seconds; }
};

// Theil-Sen: the median slope over all pairs, of at most 256 medians of neighbouring samples.
Line FitLine(absl::Span<const SeriesSample> samples);

struct Step {
  size_t index = 0;  // of the first sample after it
  double before = 0;
  double after = 0;

  double At(size_t i) const { return i < index ? before : after; }
};

// Where two levels fit best, least squares of what a running median leaves; `fewest` samples on
// each side. Absent with fewer than twice as many.
std::optional<Step> FitStep(absl::Span<const double> values, size_t fewest);

// Each number replaced by the median of itself and two neighbours on each side.
std::vector<double> RunningMedian(absl::Span<const double> values);

// Numbers at evenly spaced times; absent where no sample was near.
struct EvenSeries {
  double seconds = 0;  // between two of them
  std::vector<std::optional<double>> values;
  size_t known = 0;
};

// At the median distance of the samples. Absent when less than half of the places would be filled.
std::optional<EvenSeries> Evenly(absl::Span<const SeriesSample> samples);

struct Period {
  size_t lag = 0;  // places of the EvenSeries
  double correlation = 0;
  std::vector<std::optional<double>> phases;  // mean of each
};

// The shortest lag, of at least 3 places and with three cycles at least, at which the series is
// like itself (autocorrelation at least 0.6, and beyond what noise of this length has) after it has
// been unlike.
std::optional<Period> FitPeriod(const EvenSeries& series);

}  // namespace tcpfleet::controller
