// The history of every series of every host.
//
// Bounds:  kMostSeries; of further ones nothing is kept, and they are counted. About 25 KiB each,
//          so 400 MiB at the most.
// Threads: not thread-safe.
#pragma once

#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "controller/monitor/series.h"
#include "controller/monitor/series_history.h"
#include "tcpfleet/v1/monitor.pb.h"

namespace tcpfleet::controller {

inline constexpr size_t kMostSeries = 16'384;

class SeriesStore {
 public:
  // `window`: how far back points reach; `interval`: how often is recorded, at most.
  SeriesStore(absl::Duration window, absl::Duration interval)
      : window_(window), interval_(interval) {}

  // Of several subjects the largest is recorded.
  void Record(const std::string& host, absl::Time time, absl::Span<const SeriesReading> readings);
  // It did not answer: what was known of it before is unknown now.
  void RecordFailure(const std::string& host, const std::string& why);

  // With patterns; by namespace, then in the order of SeriesDefinitions().
  std::vector<v1::SeriesSummary> Summaries(const std::string& host) const;
  // Readings that were not kept.
  uint64_t dropped() const { return dropped_; }

 private:
  using Key = std::tuple<std::string, std::string, size_t>;  // host, namespace, definition

  const absl::Duration window_;
  const absl::Duration interval_;
  std::map<Key, SeriesHistory> histories_;
  uint64_t dropped_ = 0;
};

}  // namespace tcpfleet::controller
