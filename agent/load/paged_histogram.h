// The histogram of common/stats/histogram.h for numbers of which a run keeps many or hardly
// records any: memory only for the octaves that occur.
//
// Bounds:  1 KiB per octave of values, at most 58 of them.
// Threads: one owner.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "common/stats/histogram.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

class PagedHistogram {
 public:
  void Record(uint64_t value) {
    Count(stats::Histogram::BucketOf(value), 1);
    if (count_ == 1 || value < min_) min_ = value;
    if (value > max_) max_ = value;
    sum_ += static_cast<double>(value);
  }

  void Merge(const PagedHistogram& other);
  // Keeps the memory.
  void Clear();

  uint64_t count() const { return count_; }
  v1::HistogramDelta ToDelta() const;

 private:
  static constexpr size_t kPageBuckets = stats::Histogram::kSubBuckets;
  static constexpr size_t kPages = stats::Histogram::kBuckets / kPageBuckets;
  using Page = std::array<uint64_t, kPageBuckets>;

  void Count(size_t bucket, uint64_t count) {
    std::unique_ptr<Page>& page = pages_[bucket / kPageBuckets];
    if (page == nullptr) page = std::make_unique<Page>();
    (*page)[bucket % kPageBuckets] += count;
    count_ += count;
  }

  std::array<std::unique_ptr<Page>, kPages> pages_;
  uint64_t count_ = 0;
  uint64_t min_ = 0;
  uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace tcpfleet::agent
