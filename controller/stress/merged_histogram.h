// A histogram of common/stats/histogram.h put together from what many agents reported: the same
// numbers, with memory only for the range of buckets in use.
//
// Threads: not thread-safe; one owner.
// Bounds:  8 bytes for each bucket between the first and the last in use, at most 60 KB.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "tcpfleet/v1/report.pb.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::controller {

class MergedHistogram {
 public:
  // Whole or not at all: InvalidArgument for bucket numbers outside the layout, lists of unequal
  // length, missing extremes, and counts or sums that cannot be.
  absl::Status Add(const v1::HistogramDelta& delta);
  void Merge(const MergedHistogram& other);
  // What is left when the values of `part` are taken out. Extremes are exact where they are not of
  // `part`, else those of the bucket.
  MergedHistogram Without(const MergedHistogram& part) const;
  void Clear() { *this = MergedHistogram(); }

  bool empty() const { return count_ == 0; }
  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }  // 0 when empty
  // As stats::Histogram.
  double Percentile(double percent) const;

  v1::HistogramDelta ToDelta() const;
  // In units of `unit` recorded ones.
  v1::Distribution ToDistribution(double unit) const;

 private:
  void Cover(size_t first, size_t last);

  size_t first_bucket_ = 0;  // of counts_[0]
  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  uint64_t min_ = std::numeric_limits<uint64_t>::max();
  uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace tcpfleet::controller
