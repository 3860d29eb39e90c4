#include "agent/sockets/snapshot_collector.h"

#include <algorithm>
#include <utility>

#include "agent/sockets/attribution.h"
#include "common/sockets/frame_encoder.h"
#include "common/sockets/opening_order.h"

namespace tcpfleet::agent {
namespace {

using sockets::ConnectionSample;

// With all fields some 15 MB before compression.
constexpr size_t kRowsPerFrame = 100'000;

}  // namespace

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
  filter::Subject subject{.sample = &sample, .now_ns = monotonic_ns_};
  sockets::Derived derived;
  if (plan_.filter.NeedsDerived()) {
    derived = sockets::DeriveFromTotals(sample.values);
    subject.derived = &derived;
  }
  return plan_.filter.Matches(subject);
}

std::vector<v1::ConnectionFrame> SnapshotCollector::Finish(const PollResult& poll,
                                                           const base::Clock* clock) {
  Attribution(clock).Describe(absl::MakeSpan(samples_), plan_.processes, kLongestSearch);
  if (!judges_early_) {
    std::erase_if(samples_, [&](const ConnectionSample& sample) { return !Matches(sample); });
  }
  std::vector<const ConnectionSample*> samples;
  for (const ConnectionSample& sample : samples_) samples.push_back(&sample);
  std::vector<const ConnectionSample*> ordered;
  for (const uint32_t position : sockets::OpeningOrder(samples)) {
    ordered.push_back(samples[position]);
  }

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
  std::vector<v1::ConnectionFrame> frames;
  absl::Span<const ConnectionSample* const> rest = ordered;
  do {
    const absl::Span<const ConnectionSample* const> live = rest.subspan(0, kRowsPerFrame);
    frames.push_back(sockets::FrameEncoder(plan_.fields)
                         .Encode({.monotonic_ns = poll.monotonic_ns,
                                  .completeness = std::exchange(completeness, {}),
                                  .live = {},
                                  .live_selection = live,
                                  .closed = {}}));
    rest.remove_prefix(live.size());
  } while (!rest.empty());
  return frames;
}

}  // namespace tcpfleet::agent
