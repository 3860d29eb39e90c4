#include "agent/sockets/snapshot_rows.h"

#include <utility>

#include "common/sockets/derived.h"
#include "common/sockets/frame_encoder.h"
#include "common/sockets/opening_order.h"

namespace tcpfleet::agent {
namespace {

using sockets::ConnectionSample;

// With all fields some 15 MB before compression.
constexpr size_t kRowsPerFrame = 100'000;

}  // namespace

bool MatchesAlone(const filter::Filter& filter, const ConnectionSample& sample, int64_t now_ns) {
  filter::Subject subject{.sample = &sample, .now_ns = now_ns};
  sockets::Derived derived;
  if (filter.NeedsDerived()) {
    derived = sockets::DeriveFromTotals(sample.values);
    subject.derived = &derived;
  }
  return filter.Matches(subject);
}

std::vector<v1::ConnectionFrame> EncodeKeyframes(absl::Span<const ConnectionSample* const> samples,
                                                 const sockets::FieldMask& fields,
                                                 int64_t monotonic_ns,
                                                 v1::Completeness completeness) {
  std::vector<const ConnectionSample*> ordered;
  for (const uint32_t position : sockets::OpeningOrder(samples)) {
    ordered.push_back(samples[position]);
  }
  std::vector<v1::ConnectionFrame> frames;
  absl::Span<const ConnectionSample* const> rest = ordered;
  do {
    const absl::Span<const ConnectionSample* const> live = rest.subspan(0, kRowsPerFrame);
    frames.push_back(
        sockets::FrameEncoder(fields).Encode({.monotonic_ns = monotonic_ns,
                                              .completeness = std::exchange(completeness, {}),
                                              .live = {},
                                              .live_selection = live,
                                              .closed = {}}));
    rest.remove_prefix(live.size());
  } while (!rest.empty());
  return frames;
}

}  // namespace tcpfleet::agent
