// From samples to ConnectionFrames for one subscriber: what changed since the last frame of this
// encoder.
//
// Threads: not thread-safe; one encoder per subscription.
// Bounds:  holds the last sent record of every live row; at most kMostRows rows, the rest counted
//          as dropped.
#pragma once

#include <absl/types/span.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "common/sockets/connection_sample.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::sockets {

inline constexpr size_t kMostRows = size_t{1} << 20;
inline constexpr size_t kMostRowsBytes = size_t{64} << 20;  // of a serialized ConnectionRows
inline constexpr int64_t kKeyframePeriodNs = 60'000'000'000;

struct ClosedConnection {
  ConnectionSample last;
  v1::ConnectionClose::Reason reason = v1::ConnectionClose::REASON_NOT_SEEN;
};

// One poll of a sampler, or several merged: the connections that are there now and those that ended
// since the last poll.
struct ConnectionPoll {
  uint64_t sequence = 0;
  int64_t monotonic_ns = 0;
  uint32_t merged_polls = 1;
  v1::Completeness completeness;
  absl::Span<const ConnectionSample> live;
  // More live ones, for callers that hold a selection of a larger table. Not null.
  absl::Span<const ConnectionSample* const> live_selection;
  // Ended ones the sampler saw end, each once. A row missing from all lists is closed as "not
  // seen".
  absl::Span<const ClosedConnection> closed;
};

class FrameEncoder {
 public:
  // Sends only `fields`; an empty mask means all.
  explicit FrameEncoder(FieldMask fields = {});
  FrameEncoder(FrameEncoder&&) noexcept;
  FrameEncoder& operator=(FrameEncoder&&) noexcept;
  ~FrameEncoder();

  // The first frame is a keyframe, and so is one at least every kKeyframePeriodNs. A moment within
  // 30 ms of the one sent before counts as unchanged: the kernel's millisecond "ago" values jitter.
  //
  // What identifies a connection is its cookie and namespace. When its description changes under
  // way (a process becomes known, it is accepted and gets an inode) it is closed with
  // REASON_REPLACED and opened anew in the same frame; that something is no longer known changes
  // nothing. Bytes of tcp_info beyond the known fields go only to who wants all fields.
  v1::ConnectionFrame Encode(const ConnectionPoll& poll);

  // True while a connection's end is still to be sent: a keyframe cannot carry an end, and what
  // began and ended since the last frame is opened in one frame and closed in the next. Before a
  // stream ends, encode until this is false.
  bool HasUnsentCloses() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace tcpfleet::sockets
