// The shape of a series of numbers, and the numbers that make it so. Pure.
//
// Time:   samples may be missing and irregular; slopes are per second, not per sample. A period is
//         looked for only where at least half of the evenly spaced times have a sample.
// Bounds: kMostPatternSamples, the latest ones: 7 ms of CPU, and 0.8 ms for 360.
#pragma once

#include <absl/types/span.h>

#include "controller/monitor/robust_statistics.h"
#include "tcpfleet/v1/monitor.pb.h"

namespace tcpfleet::controller {

inline constexpr size_t kMostPatternSamples = 4'096;
// Fewer say nothing: the kind is unknown.
inline constexpr size_t kFewestPatternSamples = 20;

// Samples whose number or time is not finite, or that are not a microsecond later than the one
// before, are left out. Differences up to `least_change`, in the unit of the values, are no
// pattern.
v1::SeriesPattern FindPattern(absl::Span<const SeriesSample> samples, double least_change);

}  // namespace tcpfleet::controller
