#pragma once

#include <absl/status/status.h>

#include "common/stats/histogram.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::stats {

// The histogram's content as a sparse delta.
v1::HistogramDelta ToDelta(const Histogram& histogram);

// Adds a delta to `histogram`, whole or not at all: InvalidArgument for bucket numbers outside the
// layout, lists of unequal length or extremes that are missing.
absl::Status AddDelta(const v1::HistogramDelta& delta, Histogram& histogram);

}  // namespace tcpfleet::stats
