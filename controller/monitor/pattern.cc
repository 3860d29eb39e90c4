#include "controller/monitor/pattern.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace tcpfleet::controller {
namespace {

// Proven by generated series of every kind (tests/unit/controller/monitor/pattern_test.cc).
constexpr double kLeastTrendShare = 0.2;  // of the median, over the whole time
constexpr double kTrendDeviations = 3;
constexpr double kStepDeviations = 5;
constexpr double kSpikeDeviations = 6;
constexpr double kLeastShare = 0.1;  // of the median: a step or a spike
constexpr double kLeastPeriodicShare = 0.05;
constexpr double kFlatShare = 0.02;
constexpr double kMostSpikeShare = 0.05;  // of the samples: more are no exception
constexpr size_t kFewestOfStep = 5;
constexpr double kShortestSeconds = 1e-6;  // between two samples: their slope must stay a number

double MeanDistance(absl::Span<const double> a, absl::Span<const double> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::fabs(a[i] - b[i]);
  return sum / static_cast<double>(a.size());
}

std::vector<double> Minus(absl::Span<const double> a, absl::Span<const double> b) {
  std::vector<double> difference;
  for (size_t i = 0; i < a.size(); ++i) difference.push_back(a[i] - b[i]);
  return difference;
}

// One normal deviation is 1.4826 MAD, and the farthest of n normal numbers about sqrt(2 ln n)
// deviations away: a spike must be well beyond that, however many samples there are.
double SpikeDeviations(size_t samples) {
  const double farthest = std::sqrt(2 * std::log(static_cast<double>(samples)));
  return std::max(kSpikeDeviations, 1.4826 * (farthest + 2));
}

// Works on numbers divided by the largest, so that no square overflows, and says them as they were.
class PatternSearch {
 public:
  PatternSearch(std::vector<SeriesSample> samples, double scale, double least_change)
      : samples_(std::move(samples)), scale_(scale), least_change_(least_change / scale) {
    for (const SeriesSample& sample : samples_) values_.push_back(sample.value);
    median_ = MedianOf(values_);
    deviation_ = MedianDeviation(values_);
    seconds_ = samples_.back().seconds;
    line_ = FitLine(samples_);
    for (const SeriesSample& sample : samples_) on_line_.push_back(line_.At(sample.seconds));
  }

  v1::SeriesPattern Find() {
    pattern_.set_samples(static_cast<uint32_t>(samples_.size()));
    pattern_.set_seconds(seconds_);
    pattern_.set_median(median_ * scale_);
    if (!FindPeriod() && !FindTrendOrStep() && !FindSpike()) FindFlat();
    return pattern_;
  }

 private:
  double Least(double share) const { return std::max(least_change_, share * std::fabs(median_)); }

  void Say(const char* kind, double deviation, const std::string& why) {
    pattern_.set_kind(kind);
    pattern_.set_deviation(deviation * scale_);
    pattern_.set_why(why);
  }

  std::string Text(double value) const { return absl::StrFormat("%.3g", value * scale_); }

  bool FindPeriod() {
    std::vector<SeriesSample> level = samples_;
    for (size_t i = 0; i < level.size(); ++i) level[i].value -= on_line_[i];
    const std::optional<EvenSeries> even = Evenly(level);
    if (!even) return false;
    const std::optional<Period> period = FitPeriod(*even);
    if (!period) return false;
    std::optional<double> low;
    std::optional<double> high;
    for (const std::optional<double>& phase : period->phases) {
      if (!phase) continue;
      low = std::min(low.value_or(*phase), *phase);
      high = std::max(high.value_or(*phase), *phase);
    }
    const double height = *high - *low;
    if (height <= Least(kLeastPeriodicShare) || height < std::fabs(line_.slope * seconds_)) {
      return false;
    }
    std::vector<double> rest;
    for (size_t i = 0; i < even->values.size(); ++i) {
      if (even->values[i]) rest.push_back(*even->values[i] - *period->phases[i % period->lag]);
    }
    const double period_seconds = static_cast<double>(period->lag) * even->seconds;
    pattern_.set_period_seconds(period_seconds);
    pattern_.set_correlation(period->correlation);
    pattern_.set_height(height * scale_);
    Say("periodic", MedianDeviation(rest),
        absl::StrFormat("every %.3g s by %s, correlation %.2f over %.1f cycles", period_seconds,
                        Text(height), period->correlation, seconds_ / period_seconds));
    return true;
  }

  bool FindTrendOrStep() {
    const double change = line_.slope * seconds_;
    const double line_deviation = MedianDeviation(Minus(values_, on_line_));
    const bool is_trend = std::fabs(change) > Least(kLeastTrendShare) &&
                          std::fabs(change) > kTrendDeviations * line_deviation;

    const auto step = FitStep(values_, std::max(kFewestOfStep, values_.size() / 10));
    std::vector<double> on_step;
    for (size_t i = 0; step && i < values_.size(); ++i) on_step.push_back(step->At(i));
    const double shift = step ? step->after - step->before : 0;
    const double step_deviation = step ? MedianDeviation(Minus(values_, on_step)) : 0;
    const bool is_step = std::fabs(shift) > Least(kLeastShare) &&
                         std::fabs(shift) > kStepDeviations * step_deviation;

    if (!is_trend && !is_step) return false;
    const std::vector<double> smooth = RunningMedian(values_);
    if (is_step && (!is_trend || MeanDistance(smooth, on_step) < MeanDistance(smooth, on_line_))) {
      pattern_.set_shift(shift * scale_);
      pattern_.set_at_seconds(samples_[step->index].seconds);
      Say("step", step_deviation,
          absl::StrFormat("from %s to %s after %.3g s, noise %s", Text(step->before),
                          Text(step->after), pattern_.at_seconds(), Text(step_deviation)));
      return true;
    }
    if (const double slope = line_.slope * scale_; std::isfinite(slope)) {
      pattern_.set_slope_per_second(slope);
    }
    Say(change > 0 ? "rising" : "falling", line_deviation,
        absl::StrFormat("by %s in %.3g s, noise %s", Text(change), seconds_, Text(line_deviation)));
    return true;
  }

  bool FindSpike() {
    const double least = std::max(SpikeDeviations(values_.size()) * deviation_, Least(kLeastShare));
    size_t farthest = 0;
    size_t count = 0;
    for (size_t i = 0; i < values_.size(); ++i) {
      const double distance = std::fabs(values_[i] - median_);
      if (distance > least) ++count;
      if (distance > std::fabs(values_[farthest] - median_)) farthest = i;
    }
    const double most = kMostSpikeShare * static_cast<double>(values_.size());
    if (count == 0 || static_cast<double>(count) > most) return false;
    pattern_.set_height((values_[farthest] - median_) * scale_);
    pattern_.set_at_seconds(samples_[farthest].seconds);
    Say("spike", deviation_,
        absl::StrFormat("%s after %.3g s where the median is %s, noise %s", Text(values_[farthest]),
                        pattern_.at_seconds(), Text(median_), Text(deviation_)));
    return true;
  }

  void FindFlat() {
    if (deviation_ <= Least(kFlatShare)) {
      Say("flat", deviation_,
          absl::StrFormat("median %s, deviation %s", Text(median_), Text(deviation_)));
    } else {
      Say("none", deviation_,
          absl::StrFormat("noise of %s around %s, no shape in it", Text(deviation_),
                          Text(median_)));
    }
  }

  const std::vector<SeriesSample> samples_;
  const double scale_;
  const double least_change_;
  std::vector<double> values_;
  double median_ = 0;
  double deviation_ = 0;
  double seconds_ = 0;
  Line line_;
  std::vector<double> on_line_;
  v1::SeriesPattern pattern_;
};

}  // namespace

v1::SeriesPattern FindPattern(absl::Span<const SeriesSample> samples, double least_change) {
  if (samples.size() > kMostPatternSamples) {
    samples.remove_prefix(samples.size() - kMostPatternSamples);
  }
  std::vector<SeriesSample> usable;
  double scale = 0;
  for (const SeriesSample& sample : samples) {
    if (!std::isfinite(sample.seconds) || !std::isfinite(sample.value)) continue;
    if (!usable.empty() && !(sample.seconds >= usable.back().seconds + kShortestSeconds)) continue;
    usable.push_back(sample);
    scale = std::max(scale, std::fabs(sample.value));
  }
  if (usable.size() < kFewestPatternSamples) {
    v1::SeriesPattern unknown;
    unknown.set_kind("unknown");
    unknown.set_samples(static_cast<uint32_t>(usable.size()));
    unknown.set_why(absl::StrCat(usable.size(), " of the ", kFewestPatternSamples,
                                 " samples it takes to tell"));
    return unknown;
  }
  if (scale == 0) scale = 1;
  const double begin = usable.front().seconds;
  for (SeriesSample& sample : usable) {
    sample.seconds -= begin;
    sample.value /= scale;
  }
  if (!std::isfinite(usable.back().seconds)) {
    v1::SeriesPattern unknown;
    unknown.set_kind("unknown");
    unknown.set_why("its times are no times");
    return unknown;
  }
  return PatternSearch(std::move(usable), scale, least_change).Find();
}

}  // namespace tcpfleet::controller
