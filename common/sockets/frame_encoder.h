// From samples to ConnectionFrames for one subscriber: what changed since the last frame of this
// encoder. For those who have all samples at hand each time; RowEncoder is for those who know what
// changed.
//
// Threads: not thread-safe; one encoder per subscription.
// Bounds:  holds the last record of every live row; at most kMostRows rows, the rest counted as
//          dropped.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/types/span.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "common/sockets/connection_sample.h"
#include "common/sockets/row_encoder.h"
#include "common/sockets/sample_pool.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::sockets {

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
  explicit FrameEncoder(FieldMask fields = {}) : rows_(fields) {}

  // A moment within kMomentJitterMs of the one sent before counts as unchanged.
  //
  // What identifies a connection is its cookie and namespace. When its description changes under
  // way (a process becomes known, it is accepted and gets an inode) it is closed with
  // REASON_REPLACED and opened anew in the same frame; that something is no longer known changes
  // nothing.
  v1::ConnectionFrame Encode(const ConnectionPoll& poll);

  // The same, one connection at a time: every live one, then every closed one, then Finish.
  void AddLive(const ConnectionSample& sample);
  void AddClosed(const ConnectionSample& last, v1::ConnectionClose::Reason reason);
  v1::ConnectionFrame Finish(FrameHead head);

  bool HasUnsentCloses() const { return rows_.HasUnsentCloses(); }

 private:
  using Key = std::pair<uint64_t, uint64_t>;  // cookie, namespace
  struct Known {
    uint32_t row = 0;
    uint64_t seen = 0;  // number of that frame
  };

  void CloseMissing();
  void OpenNewcomers();

  std::unique_ptr<SamplePool> pool_ = std::make_unique<SamplePool>();
  RowEncoder rows_;
  FrameWriter writer_;
  absl::flat_hash_map<Key, Known> known_;
  std::vector<SampleRef> newcomers_;
  uint64_t frame_ = 1;  // the one being made
  uint64_t dropped_ = 0;
};

}  // namespace tcpfleet::sockets
