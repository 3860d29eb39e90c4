// One poll's connections for one snapshot.
//
// Threads: not thread-safe.
// Bounds:  sockets::kMostRows connections. Finish looks for processes for kLongestSearch at most.
#pragma once

#include <vector>

#include "agent/sockets/sample_source.h"
#include "agent/sockets/watcher.h"
#include "common/base/clock.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::agent {

class SnapshotCollector final : public PollSink {
 public:
  static constexpr absl::Duration kLongestSearch = absl::Seconds(5);

  // `plan` must outlive the collector.
  explicit SnapshotCollector(const WatchPlan* plan);

  void Begin(int64_t monotonic_ns) override;
  bool HasRecord(const Sighting&) override { return false; }
  bool Take(const Sighting& sighting, const sockets::ConnectionSample& sample) override;

  // Keyframes of bounded size, which together have every connection; the first has the counts.
  std::vector<v1::ConnectionFrame> Finish(const PollResult& poll, const base::Clock* clock);

 private:
  bool Matches(const sockets::ConnectionSample& sample) const;

  const WatchPlan& plan_;
  const bool judges_early_;  // without knowing process and cgroup
  int64_t monotonic_ns_ = 0;
  std::vector<sockets::ConnectionSample> samples_;
};

}  // namespace tcpfleet::agent
