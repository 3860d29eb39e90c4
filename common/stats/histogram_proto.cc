#include "common/stats/histogram_proto.h"

#include <absl/strings/str_cat.h>

namespace tcpfleet::stats {

v1::HistogramDelta ToDelta(const Histogram& histogram) {
  v1::HistogramDelta delta;
  if (histogram.count() == 0) return delta;
  size_t previous = 0;
  for (size_t bucket = 0; bucket < Histogram::kBuckets; ++bucket) {
    if (histogram.counts()[bucket] == 0) continue;
    delta.add_bucket_deltas(static_cast<uint32_t>(bucket - previous));
    delta.add_counts(histogram.counts()[bucket]);
    previous = bucket;
  }
  delta.set_min(histogram.min());
  delta.set_max(histogram.max());
  delta.set_sum(histogram.sum());
  return delta;
}

absl::Status AddDelta(const v1::HistogramDelta& delta, Histogram& histogram) {
  const int buckets = delta.bucket_deltas_size();
  if (buckets != delta.counts_size()) {
    return absl::InvalidArgumentError(absl::StrCat("histogram delta has ", buckets, " buckets but ",
                                                   delta.counts_size(), " counts"));
  }
  if (buckets == 0) return absl::OkStatus();
  if (!delta.has_min() || !delta.has_max()) {
    return absl::InvalidArgumentError("histogram delta has counts but no extremes");
  }
  uint64_t bucket = 0;
  for (const uint32_t step : delta.bucket_deltas()) bucket += step;
  if (bucket >= Histogram::kBuckets) {
    return absl::InvalidArgumentError(absl::StrCat(
        "histogram delta has bucket ", bucket, ", the layout ends at ", Histogram::kBuckets - 1));
  }
  bucket = 0;
  for (int i = 0; i < buckets; ++i) {
    bucket += delta.bucket_deltas(i);
    histogram.AddBucket(bucket, delta.counts(i));
  }
  histogram.AddSummary(delta.min(), delta.max(), delta.sum());
  return absl::OkStatus();
}

}  // namespace tcpfleet::stats
