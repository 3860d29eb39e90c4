// One subscriber's view of the polls: what its filter selects, what ended since its last frame,
// when its next one is due.
//
// Threads: not thread-safe; the hub's sampler thread owns it.
// Bounds:  kMostUnsentEnds connections that ended and are not sent yet; more are counted in
//          `dropped`.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <vector>

#include "agent/sockets/connection_history.h"
#include "agent/sockets/sample_source.h"
#include "common/filter/filter.h"
#include "common/sockets/frame_encoder.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostUnsentEnds = 16384;

struct WatchPlan {
  filter::Filter filter;
  sockets::FieldMask fields;
  int64_t interval_ns = 0;
};
// InvalidArgument names the field.
absl::StatusOr<WatchPlan> PlanWatch(const v1::WatchRequest& request);

// Numbers of registered fields as a mask; InvalidArgument for others.
absl::StatusOr<sockets::FieldMask> ParseFieldIds(absl::Span<const uint32_t> field_ids);

// How many of `skipped` the filter would select.
uint64_t CountMatching(const filter::Filter& filter, absl::Span<const SkippedSocket> skipped);

class Watcher {
 public:
  explicit Watcher(WatchPlan plan);

  const WatchPlan& plan() const { return plan_; }

  // Takes in one poll. `history` stands at it and must not move before the Encode that may follow.
  void Observe(const PollResult& poll, const ConnectionHistory& history);
  // A poll failed: the next frame says so.
  void MissPoll();

  // The first frame is due at once, the others on the subscriber's own grid, where half a
  // `tolerance_ns` early is in time.
  bool IsDue(int64_t now_ns, int64_t tolerance_ns) const;
  // Everything since the last frame.
  v1::ConnectionFrame Encode(uint64_t sequence, int64_t monotonic_ns);

 private:
  void End(const sockets::ConnectionSample& last, v1::ConnectionClose::Reason reason);

  const WatchPlan plan_;
  sockets::FrameEncoder encoder_;
  std::vector<const sockets::ConnectionSample*> live_;  // into the history, of the last poll
  std::vector<sockets::ClosedConnection> ended_;
  v1::Completeness completeness_;
  uint32_t polls_ = 0;  // since the last frame
  bool has_observed_ = false;
  int64_t next_due_ns_ = INT64_MIN;
};

}  // namespace tcpfleet::agent
