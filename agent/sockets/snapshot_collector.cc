#include "agent/sockets/snapshot_collector.h"

#include <algorithm>
#include <utility>

#include "agent/sockets/attribution.h"
#include "agent/sockets/snapshot_rows.h"

namespace tcpfleet::agent {

using sockets::ConnectionSample;

SnapshotCollector::SnapshotCollector(const WatchPlan* plan)
    : plan_(*plan), judges_early_(!plan->filter.NeedsProcess() && !plan->filter.NeedsCgroup()) {}

void SnapshotCollector::Begin(int64_t monotonic_ns) {
  monotonic_ns_ = monotonic_ns;
  samples_.clear();
}

bool SnapshotCollector::Take(const Sighting&, const ConnectionSample& sample) {
  if (judges_early_ && !Matches(sample)) return true;
  if (samples_.size() == sockets::kMostRows) return false;
  samples_.push_back(sample);
  return true;
}

bool SnapshotCollector::Matches(const ConnectionSample& sample) const {
  return MatchesAlone(plan_.filter, sample, monotonic_ns_);
}

std::vector<v1::ConnectionFrame> SnapshotCollector::Finish(const PollResult& poll,
                                                           const base::Clock* clock) {
  Attribution(clock).Describe(absl::MakeSpan(samples_), plan_.processes, kLongestSearch);
  if (!judges_early_) {
    std::erase_if(samples_, [&](const ConnectionSample& sample) { return !Matches(sample); });
  }
  std::vector<const ConnectionSample*> samples;
  for (const ConnectionSample& sample : samples_) samples.push_back(&sample);
  v1::Completeness completeness;
  completeness.set_seen(samples_.size());
  completeness.set_torn(poll.torn);
  completeness.set_dropped(poll.dropped);
  completeness.set_gap(poll.gap);
  if (plan_.processes) {
    completeness.set_unattributed(static_cast<uint64_t>(std::count_if(
        samples_.begin(), samples_.end(),
        [](const ConnectionSample& sample) { return sample.identity.process == nullptr; })));
  }
  CountSkipped(plan_, poll, completeness);
  return EncodeKeyframes(samples, plan_.fields, poll.monotonic_ns, std::move(completeness));
}

}  // namespace tcpfleet::agent
