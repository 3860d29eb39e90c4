#include "common/stats/histogram.h"

#include <algorithm>
#include <cmath>

namespace tcpfleet::stats {

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  AddSummary(other.min_, other.max_, other.sum_);
}

void Histogram::Clear() { *this = Histogram(); }

double Histogram::Percentile(double percent) const {
  if (count_ == 0) return 0;
  const double share = std::clamp(percent, 0.0, 100.0) / 100.0 * static_cast<double>(count_);
  const uint64_t rank = std::clamp<uint64_t>(static_cast<uint64_t>(std::ceil(share)), 1, count_);
  uint64_t passed = 0;
  size_t bucket = 0;
  while (bucket < kBuckets - 1 && (passed += counts_[bucket]) < rank) ++bucket;
  const double middle =
      static_cast<double>(BucketStart(bucket)) + static_cast<double>(BucketWidth(bucket) - 1) / 2;
  return std::clamp(middle, static_cast<double>(min()), static_cast<double>(max_));
}

}  // namespace tcpfleet::stats
