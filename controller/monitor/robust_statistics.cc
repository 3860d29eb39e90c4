#include "controller/monitor/robust_statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tcpfleet::controller {
namespace {

constexpr size_t kLinePoints = 256;
constexpr size_t kShortestLag = 3;
constexpr size_t kFewestCycles = 3;
constexpr double kLeastCorrelation = 0.6;
// Before a series is like itself again it must have been unlike: a slow wave is not a short one.
constexpr double kUnlike = 0.3;

// Medians of neighbours, so that at most kLinePoints remain.
std::vector<SeriesSample> Thinned(absl::Span<const SeriesSample> samples) {
  const size_t group = (samples.size() + kLinePoints - 1) / kLinePoints;
  std::vector<SeriesSample> points;
  for (size_t begin = 0; begin < samples.size(); begin += group) {
    std::vector<double> seconds;
    std::vector<double> values;
    for (const SeriesSample& sample : samples.subspan(begin, group)) {
      seconds.push_back(sample.seconds);
      values.push_back(sample.value);
    }
    points.push_back({MedianOf(std::move(seconds)), MedianOf(std::move(values))});
  }
  return points;
}

// Autocorrelation at each lag up to `longest`; over the pairs that are both there.
std::vector<double> Correlations(const EvenSeries& series, size_t longest) {
  double sum = 0;
  for (const auto& value : series.values) sum += value.value_or(0);
  const double mean = sum / static_cast<double>(series.known);
  double variance = 0;
  for (const auto& value : series.values) {
    if (value) variance += (*value - mean) * (*value - mean);
  }
  variance /= static_cast<double>(series.known);
  std::vector<double> correlations(longest + 2, 0);
  if (!(variance > 0)) return correlations;
  for (size_t lag = 1; lag < correlations.size() && lag < series.values.size(); ++lag) {
    double product = 0;
    size_t pairs = 0;
    for (size_t i = 0; i + lag < series.values.size(); ++i) {
      if (!series.values[i] || !series.values[i + lag]) continue;
      product += (*series.values[i] - mean) * (*series.values[i + lag] - mean);
      ++pairs;
    }
    // Less than a quarter of the pairs is too few to go by, and three deviations of noise too
    // little.
    if (4 * pairs < series.values.size() - lag) continue;
    const double correlation = product / static_cast<double>(pairs) / variance;
    if (correlation * std::sqrt(static_cast<double>(pairs)) < 3 && correlation > kUnlike) continue;
    correlations[lag] = std::min(1.0, correlation);
  }
  return correlations;
}

std::vector<std::optional<double>> PhaseMeans(const EvenSeries& series, size_t lag) {
  std::vector<std::optional<double>> means(lag);
  for (size_t phase = 0; phase < lag; ++phase) {
    double sum = 0;
    size_t count = 0;
    for (size_t i = phase; i < series.values.size(); i += lag) {
      if (!series.values[i]) continue;
      sum += *series.values[i];
      ++count;
    }
    if (count > 0) means[phase] = sum / static_cast<double>(count);
  }
  return means;
}

}  // namespace

double MedianOf(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double MedianDeviation(absl::Span<const double> values) {
  const double median = MedianOf({values.begin(), values.end()});
  std::vector<double> distances;
  for (const double value : values) distances.push_back(std::fabs(value - median));
  return MedianOf(std::move(distances));
}

Line FitLine(absl::Span<const SeriesSample> samples) {
  const std::vector<SeriesSample> points = Thinned(samples);
  std::vector<double> slopes;
  for (size_t i = 0; i < points.size(); ++i) {
    for (size_t j = i + 1; j < points.size(); ++j) {
      slopes.push_back((points[j].value - points[i].value) /
                       (points[j].seconds - points[i].seconds));
    }
  }
  Line line;
  if (!slopes.empty()) line.slope = MedianOf(std::move(slopes));
  std::vector<double> intercepts;
  for (const SeriesSample& point : points) {
    intercepts.push_back(point.value - line.slope * point.seconds);
  }
  line.intercept = MedianOf(std::move(intercepts));
  return line;
}

std::optional<Step> FitStep(absl::Span<const double> values, size_t fewest) {
  const size_t n = values.size();
  if (n < 2 * fewest || fewest == 0) return std::nullopt;
  const std::vector<double> smooth = RunningMedian(values);
  const double sum = std::accumulate(smooth.begin(), smooth.end(), 0.0);
  Step step;
  double most_explained = -1;
  double left = 0;
  for (size_t i = 1; i + fewest <= n; ++i) {
    left += smooth[i - 1];
    if (i < fewest) continue;
    const auto before = static_cast<double>(i);
    const auto after = static_cast<double>(n - i);
    // What two means leave of the squares is least where this is most.
    const double explained = left * left / before + (sum - left) * (sum - left) / after;
    if (explained > most_explained) {
      most_explained = explained;
      step.index = i;
    }
  }
  step.before = MedianOf({values.begin(), values.begin() + static_cast<ptrdiff_t>(step.index)});
  step.after = MedianOf({values.begin() + static_cast<ptrdiff_t>(step.index), values.end()});
  return step;
}

std::vector<double> RunningMedian(absl::Span<const double> values) {
  std::vector<double> medians;
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t reach = std::min({size_t{2}, i, values.size() - 1 - i});
    const auto around = values.subspan(i - reach, 2 * reach + 1);
    medians.push_back(MedianOf({around.begin(), around.end()}));
  }
  return medians;
}

std::optional<EvenSeries> Evenly(absl::Span<const SeriesSample> samples) {
  std::vector<double> distances;
  for (size_t i = 1; i < samples.size(); ++i) {
    distances.push_back(samples[i].seconds - samples[i - 1].seconds);
  }
  if (distances.empty()) return std::nullopt;
  EvenSeries even;
  even.seconds = MedianOf(std::move(distances));
  const double places = (samples.back().seconds - samples.front().seconds) / even.seconds;
  if (!(places < 2 * static_cast<double>(samples.size()))) return std::nullopt;
  even.values.resize(static_cast<size_t>(std::lround(places)) + 1);
  for (const SeriesSample& sample : samples) {
    const double place = (sample.seconds - samples.front().seconds) / even.seconds;
    auto& value = even.values[static_cast<size_t>(std::lround(place))];
    even.known += value ? 0 : 1;
    value = sample.value;
  }
  if (2 * even.known < even.values.size()) return std::nullopt;
  return even;
}

std::optional<Period> FitPeriod(const EvenSeries& series) {
  const size_t longest = series.values.size() / kFewestCycles;
  if (longest < kShortestLag) return std::nullopt;
  const std::vector<double> correlations = Correlations(series, longest);
  size_t first = 1;
  while (first <= longest && correlations[first] >= kUnlike) ++first;
  first = std::max(first + 1, kShortestLag);
  double most = 0;
  for (size_t lag = first; lag <= longest; ++lag) most = std::max(most, correlations[lag]);
  if (most < kLeastCorrelation) return std::nullopt;
  for (size_t lag = first; lag <= longest; ++lag) {
    // The multiples of a period are as good as it: the first is meant.
    const bool is_peak =
        correlations[lag] >= correlations[lag - 1] && correlations[lag] >= correlations[lag + 1];
    if (!is_peak || correlations[lag] < std::max(kLeastCorrelation, 0.9 * most)) continue;
    return Period{lag, correlations[lag], PhaseMeans(series, lag)};
  }
  return std::nullopt;
}

}  // namespace tcpfleet::controller
