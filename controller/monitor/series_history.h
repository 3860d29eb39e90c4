// One number over time: a summary of all of it, points for a chart, and the last samples as they
// came.
//
// Bounds:  kMostPoints points, so that the oldest are of kMostPoints * point_seconds ago;
//          kRecentSamples samples; of the distribution only the buckets that occur, 7,424 at the
//          very most. A series takes about 25 KiB, and 400 KiB when its values are everywhere.
// Threads: not thread-safe.
#pragma once

#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/monitor/robust_statistics.h"
#include "tcpfleet/v1/monitor.pb.h"

namespace tcpfleet::controller {

class SeriesHistory {
 public:
  static constexpr size_t kMostPoints = 360;
  static constexpr size_t kRecentSamples = 360;

  // `resolution`: percentiles are kept of multiples of it. `window`: how far back points reach.
  SeriesHistory(double resolution, absl::Duration window, absl::Duration interval);

  // Times must not go back. A number that is not finite, or is below 0, is unknown.
  void Record(absl::Time time, double value);
  void RecordUnknown(const std::string& why);

  // Everything but name, unit, namespace and pattern.
  void Summarize(v1::SeriesSummary& summary) const;
  // Seconds since the first of them.
  std::vector<SeriesSample> recent() const;

 private:
  struct Point {
    absl::Time start;
    uint32_t samples = 0;
    double min = 0;
    double max = 0;
    double sum = 0;
  };
  struct Recent {
    absl::Time time;
    double value = 0;
  };

  double Percentile(double percent) const;

  const double resolution_;
  const absl::Duration point_length_;
  uint64_t samples_ = 0;
  uint64_t unknown_ = 0;
  std::string unknown_why_;  // empty: the last one is known
  double min_ = 0;
  double max_ = 0;
  double sum_ = 0;
  double last_ = 0;
  std::map<uint32_t, uint64_t> buckets_;  // of stats::Histogram
  std::deque<Point> points_;
  std::deque<Recent> recent_;
};

}  // namespace tcpfleet::controller
