#include "controller/stress/merged_histogram.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>

#include "common/base/status_macros.h"
#include "common/stats/histogram.h"

namespace tcpfleet::controller {
namespace {

using stats::Histogram;

// More values than any run can make; sums of thousands of agents still fit into 64 bits.
constexpr uint64_t kMostValues = uint64_t{1} << 50;

struct BucketRange {
  size_t first = 0;
  size_t last = 0;
  uint64_t count = 0;
};

absl::StatusOr<BucketRange> CheckBuckets(const v1::HistogramDelta& delta) {
  uint64_t bucket = 0;
  uint64_t count = 0;
  for (const uint32_t step : delta.bucket_deltas()) bucket += step;
  for (const uint64_t added : delta.counts()) {
    count += std::min(added, kMostValues + 1);  // kBuckets of them fit into 64 bits
  }
  if (count > kMostValues) {
    return absl::InvalidArgumentError("histogram delta has more values than can be");
  }
  if (bucket >= Histogram::kBuckets) {
    return absl::InvalidArgumentError(absl::StrCat(
        "histogram delta has bucket ", bucket, ", the layout ends at ", Histogram::kBuckets - 1));
  }
  return BucketRange{delta.bucket_deltas(0), static_cast<size_t>(bucket), count};
}

}  // namespace

absl::Status MergedHistogram::Add(const v1::HistogramDelta& delta) {
  if (delta.bucket_deltas_size() != delta.counts_size()) {
    return absl::InvalidArgumentError(absl::StrCat("histogram delta has ",
                                                   delta.bucket_deltas_size(), " buckets but ",
                                                   delta.counts_size(), " counts"));
  }
  if (delta.counts().empty()) return absl::OkStatus();
  if (static_cast<size_t>(delta.counts_size()) > Histogram::kBuckets) {
    return absl::InvalidArgumentError("histogram delta has more buckets than the layout");
  }
  if (!delta.has_min() || !delta.has_max() || delta.min() > delta.max()) {
    return absl::InvalidArgumentError("histogram delta has counts but no extremes");
  }
  if (!std::isfinite(delta.sum()) || delta.sum() < 0) {
    return absl::InvalidArgumentError(absl::StrCat("histogram delta has the sum ", delta.sum()));
  }
  TF_ASSIGN_OR_RETURN(const BucketRange range, CheckBuckets(delta));
  Cover(range.first, range.last);
  const uint32_t* const steps = delta.bucket_deltas().data();
  const uint64_t* const counts = delta.counts().data();
  uint64_t* bucket = counts_.data() + (range.first - first_bucket_);
  for (int i = 0; i < delta.counts_size(); ++i) {
    if (i > 0) bucket += steps[i];
    *bucket += counts[i];
  }
  count_ += range.count;
  min_ = std::min(min_, delta.min());
  max_ = std::max(max_, delta.max());
  sum_ += delta.sum();
  return absl::OkStatus();
}

void MergedHistogram::Cover(size_t first, size_t last) {
  if (counts_.empty()) {
    first_bucket_ = first;
    counts_.resize(last - first + 1);
    return;
  }
  if (first < first_bucket_) {
    counts_.insert(counts_.begin(), first_bucket_ - first, 0);
    first_bucket_ = first;
  }
  if (last >= first_bucket_ + counts_.size()) counts_.resize(last - first_bucket_ + 1);
}

void MergedHistogram::Merge(const MergedHistogram& other) {
  if (other.counts_.empty()) return;
  Cover(other.first_bucket_, other.first_bucket_ + other.counts_.size() - 1);
  uint64_t* const to = counts_.data() + (other.first_bucket_ - first_bucket_);
  for (size_t i = 0; i < other.counts_.size(); ++i) to[i] += other.counts_[i];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

MergedHistogram MergedHistogram::Without(const MergedHistogram& part) const {
  MergedHistogram rest = *this;
  rest.count_ = 0;
  size_t first = counts_.size();
  size_t last = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    const size_t of_part = first_bucket_ + i - part.first_bucket_;  // wraps where part has none
    if (of_part < part.counts_.size()) {
      rest.counts_[i] -= std::min(rest.counts_[i], part.counts_[of_part]);
    }
    if (rest.counts_[i] == 0) continue;
    rest.count_ += rest.counts_[i];
    first = std::min(first, i);
    last = i;
  }
  if (rest.count_ == 0) return {};
  const size_t lowest = first_bucket_ + first;
  const size_t highest = first_bucket_ + last;
  const bool has_min = lowest == Histogram::BucketOf(min_) && part.min_ != min_;
  const bool has_max = highest == Histogram::BucketOf(max_) && part.max_ != max_;
  if (!has_min) rest.min_ = Histogram::BucketStart(lowest);
  if (!has_max) {
    rest.max_ = Histogram::BucketStart(highest) + (Histogram::BucketWidth(highest) - 1);
  }
  rest.sum_ = std::max(0.0, sum_ - part.sum_);
  return rest;
}

double MergedHistogram::Percentile(double percent) const {
  if (count_ == 0) return 0;
  const double share = std::clamp(percent, 0.0, 100.0) / 100.0 * static_cast<double>(count_);
  const uint64_t rank = std::clamp<uint64_t>(static_cast<uint64_t>(std::ceil(share)), 1, count_);
  uint64_t passed = 0;
  size_t i = 0;
  while (i < counts_.size() - 1 && (passed += counts_[i]) < rank) ++i;
  const size_t bucket = first_bucket_ + i;
  const double middle = static_cast<double>(Histogram::BucketStart(bucket)) +
                        static_cast<double>(Histogram::BucketWidth(bucket) - 1) / 2;
  return std::clamp(middle, static_cast<double>(min_), static_cast<double>(max_));
}

v1::HistogramDelta MergedHistogram::ToDelta() const {
  v1::HistogramDelta delta;
  if (count_ == 0) return delta;
  size_t previous = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    delta.add_bucket_deltas(static_cast<uint32_t>(first_bucket_ + i - previous));
    delta.add_counts(counts_[i]);
    previous = first_bucket_ + i;
  }
  delta.set_min(min_);
  delta.set_max(max_);
  delta.set_sum(sum_);
  return delta;
}

v1::Distribution MergedHistogram::ToDistribution(double unit) const {
  v1::Distribution distribution;
  distribution.set_count(count_);
  if (count_ == 0) return distribution;
  distribution.set_min(static_cast<double>(min_) / unit);
  distribution.set_p50(Percentile(50) / unit);
  distribution.set_p90(Percentile(90) / unit);
  distribution.set_p99(Percentile(99) / unit);
  distribution.set_p999(Percentile(99.9) / unit);
  distribution.set_max(static_cast<double>(max_) / unit);
  distribution.set_mean(sum_ / static_cast<double>(count_) / unit);
  return distribution;
}

}  // namespace tcpfleet::controller
