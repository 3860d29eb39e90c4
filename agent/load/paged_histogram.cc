#include "agent/load/paged_histogram.h"

#include <algorithm>

namespace tcpfleet::agent {

void PagedHistogram::Merge(const PagedHistogram& other) {
  if (other.count_ == 0) return;
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
  for (size_t page = 0; page < kPages; ++page) {
    if (other.pages_[page] == nullptr) continue;
    for (size_t i = 0; i < kPageBuckets; ++i) {
      Count(page * kPageBuckets + i, (*other.pages_[page])[i]);
    }
  }
}

void PagedHistogram::Clear() {
  if (count_ == 0) return;
  for (const std::unique_ptr<Page>& page : pages_) {
    if (page != nullptr) page->fill(0);
  }
  count_ = min_ = max_ = 0;
  sum_ = 0;
}

v1::HistogramDelta PagedHistogram::ToDelta() const {
  v1::HistogramDelta delta;
  if (count_ == 0) return delta;
  size_t last = 0;
  for (size_t page = 0; page < kPages; ++page) {
    for (size_t i = 0; pages_[page] != nullptr && i < kPageBuckets; ++i) {
      const uint64_t count = (*pages_[page])[i];
      if (count == 0) continue;
      const size_t bucket = page * kPageBuckets + i;
      delta.add_bucket_deltas(static_cast<uint32_t>(bucket - last));
      delta.add_counts(count);
      last = bucket;
    }
  }
  delta.set_min(min_);
  delta.set_max(max_);
  delta.set_sum(sum_);
  return delta;
}

}  // namespace tcpfleet::agent
