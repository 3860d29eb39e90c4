#include "controller/monitor/series_history.h"

#include <algorithm>
#include <cmath>

#include "common/stats/histogram.h"
#include "controller/monitor/time_proto.h"

namespace tcpfleet::controller {
namespace {

// Whole seconds and up: a point is a stretch of the wall clock, the same for all series.
absl::Duration PointLength(absl::Duration window, absl::Duration interval) {
  const absl::Duration even = window / static_cast<int64_t>(SeriesHistory::kMostPoints);
  return std::max({absl::Ceil(even, absl::Seconds(1)), interval, absl::Seconds(1)});
}

}  // namespace

SeriesHistory::SeriesHistory(double resolution, absl::Duration window, absl::Duration interval)
    : resolution_(resolution), point_length_(PointLength(window, interval)) {}

void SeriesHistory::Record(absl::Time time, double value) {
  if (!std::isfinite(value) || value < 0) {
    RecordUnknown("the value is no number");
    return;
  }
  unknown_why_.clear();
  min_ = samples_ == 0 ? value : std::min(min_, value);
  max_ = samples_ == 0 ? value : std::max(max_, value);
  sum_ += value;
  last_ = value;
  ++samples_;
  constexpr double kMost = 9.2e18;  // what 63 bits hold
  const auto multiple = static_cast<uint64_t>(std::min(value / resolution_ + 0.5, kMost));
  ++buckets_[static_cast<uint32_t>(stats::Histogram::BucketOf(multiple))];

  if (points_.empty() || time >= points_.back().start + point_length_) {
    const absl::Time start =
        absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), point_length_);
    points_.push_back({.start = start, .samples = 0, .min = value, .max = value, .sum = 0});
    if (points_.size() > kMostPoints) points_.pop_front();
  }
  Point& point = points_.back();
  ++point.samples;
  point.min = std::min(point.min, value);
  point.max = std::max(point.max, value);
  point.sum += value;

  recent_.push_back({time, value});
  if (recent_.size() > kRecentSamples) recent_.pop_front();
}

void SeriesHistory::RecordUnknown(const std::string& why) {
  ++unknown_;
  unknown_why_ = why;
}

double SeriesHistory::Percentile(double percent) const {
  const double target = percent / 100 * static_cast<double>(samples_);
  double seen = 0;
  for (const auto& [bucket, count] : buckets_) {
    seen += static_cast<double>(count);
    if (seen < target) continue;
    const auto start = static_cast<double>(stats::Histogram::BucketStart(bucket));
    const auto width = static_cast<double>(stats::Histogram::BucketWidth(bucket));
    return std::clamp((start + (width - 1) / 2) * resolution_, min_, max_);
  }
  return max_;
}

void SeriesHistory::Summarize(v1::SeriesSummary& summary) const {
  summary.set_samples(samples_);
  summary.set_unknown(unknown_);
  summary.set_unknown_why(unknown_why_);
  if (samples_ == 0) return;
  if (unknown_why_.empty()) summary.set_last(last_);
  summary.set_min(min_);
  summary.set_mean(std::clamp(sum_ / static_cast<double>(samples_), min_, max_));
  summary.set_max(max_);
  summary.set_p50(Percentile(50));
  summary.set_p90(Percentile(90));
  summary.set_p99(Percentile(99));
  for (const Point& point : points_) {
    v1::SeriesPoint& out = *summary.add_points();
    *out.mutable_start() = ToTimestamp(point.start);
    out.set_seconds(absl::ToDoubleSeconds(point_length_));
    out.set_samples(point.samples);
    out.set_min(point.min);
    out.set_mean(std::clamp(point.sum / point.samples, point.min, point.max));
    out.set_max(point.max);
  }
}

std::vector<SeriesSample> SeriesHistory::recent() const {
  std::vector<SeriesSample> samples;
  for (const Recent& sample : recent_) {
    samples.push_back({absl::ToDoubleSeconds(sample.time - recent_.front().time), sample.value});
  }
  return samples;
}

}  // namespace tcpfleet::controller
