// Log-linear histogram of unsigned integers, the same fixed layout everywhere, so that merging is
// adding and loses nothing.
//
// Units:   those of the recorded values; latencies are recorded in nanoseconds.
// Error:   a bucket is at most 1/128 of its values wide; minimum, maximum and sum are exact.
// Bounds:  7,424 buckets of 8 bytes; any 64-bit value fits.
// Threads: not thread-safe; one owner.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace tcpfleet::stats {

class Histogram {
 public:
  static constexpr int kSubBucketBits = 7;
  static constexpr size_t kSubBuckets = size_t{1} << kSubBucketBits;
  static constexpr size_t kBuckets = (64 - kSubBucketBits + 1) * kSubBuckets;

  Histogram() : counts_(kBuckets, 0) {}

  void Record(uint64_t value) {
    ++counts_[BucketOf(value)];
    ++count_;
    sum_ += static_cast<double>(value);
    if (value < min_) min_ = value;
    if (value > max_) max_ = value;
  }

  // Adds `count` values that fell into `bucket` elsewhere. Their extremes and sum come through
  // AddSummary.
  void AddBucket(size_t bucket, uint64_t count) {
    counts_[bucket] += count;
    count_ += count;
  }
  void AddSummary(uint64_t min, uint64_t max, double sum) {
    if (min < min_) min_ = min;
    if (max > max_) max_ = max;
    sum_ += sum;
  }
  void Merge(const Histogram& other);
  void Clear();

  uint64_t count() const { return count_; }
  // 0 when empty.
  uint64_t min() const { return count_ == 0 ? 0 : min_; }
  uint64_t max() const { return max_; }
  double sum() const { return sum_; }
  double Mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

  // Smallest value v such that `percent` % of the recorded values are <= v, to within the bucket's
  // width: the bucket's middle, kept inside [min, max]. 0 when empty.
  double Percentile(double percent) const;

  const std::vector<uint64_t>& counts() const { return counts_; }

  static constexpr size_t BucketOf(uint64_t value) {
    if (value < kSubBuckets) return static_cast<size_t>(value);
    const int shift = 63 - std::countl_zero(value) - kSubBucketBits;
    return static_cast<size_t>(shift) * kSubBuckets + static_cast<size_t>(value >> shift);
  }
  // Smallest value of a bucket.
  static constexpr uint64_t BucketStart(size_t bucket) {
    if (bucket < 2 * kSubBuckets) return bucket;
    const size_t shift = bucket / kSubBuckets - 1;
    return (bucket % kSubBuckets + kSubBuckets) << shift;
  }
  // Number of values a bucket stands for.
  static constexpr uint64_t BucketWidth(size_t bucket) {
    return bucket < 2 * kSubBuckets ? 1 : uint64_t{1} << (bucket / kSubBuckets - 1);
  }

 private:
  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  uint64_t min_ = std::numeric_limits<uint64_t>::max();
  uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace tcpfleet::stats
