// From ConnectionFrames back to connections: the exact reverse of FrameEncoder, for input nobody
// vouches for.
//
// Threads: not thread-safe; one decoder per stream.
// Errors:  DataLoss (truncated, oversized, not zstd, not the message, rows that do not exist,
//          bitmaps and deltas that do not fit together, a first frame that is no keyframe). After
//          an error the state is that of the frame before, and only a keyframe is accepted next.
// Bounds:  kMostRows rows and kMostRowsBytes per frame, checked before anything is allocated.
#pragma once

#include <absl/status/status.h>
#include <absl/types/span.h>

#include <cstdint>
#include <vector>

#include "common/sockets/connection_sample.h"
#include "common/sockets/derived.h"
#include "common/sockets/frame_encoder.h"
#include "common/sockets/row_table.h"
#include "common/sockets/staged_frame.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::sockets {

// Sees rows change while a frame is applied: while their samples are in the cache.
class RowObserver {
 public:
  virtual ~RowObserver() = default;
  // The frame is good; nothing of it is applied yet.
  virtual void FrameBegins() = 0;
  // Rows of changed() have their new values now; before[i] are those of rows[i] until then.
  virtual void RowsChanged(absl::Span<const uint32_t> rows, absl::Span<const Counters> before) = 0;
};

class FrameDecoder {
 public:
  // `observer` may be null.
  absl::Status Apply(const v1::ConnectionFrame& frame, RowObserver* observer = nullptr);

  // Live connections by row id. Pointers to samples stay valid while their row lives; a keyframe
  // begins all rows anew.
  const RowTable& rows() const { return rows_; }

  // What the last frame did. All rows of a keyframe are opened.
  const std::vector<ClosedConnection>& closed() const { return closed_; }
  absl::Span<const Counters> closed_before() const { return closed_before_; }  // without the frame
  absl::Span<const uint32_t> opened() const { return opened_; }
  absl::Span<const uint32_t> changed() const { return changed_; }  // without the opened ones

  // The present rows under their present ids, as of the last frame: with it first, the frames that
  // follow can be read without those before.
  v1::ConnectionFrame Keyframe() const;

 private:
  void Commit(StagedFrame staged, bool keyframe, RowObserver* observer);
  void Close(const StagedFrame& staged);
  void Change(const StagedColumns& columns, bool rows_are_new, RowObserver* observer);

  RowTable rows_;
  std::vector<ClosedConnection> closed_;
  std::vector<Counters> closed_before_;  // parallel
  std::vector<uint32_t> opened_;
  std::vector<uint32_t> changed_;
  uint64_t poll_sequence_ = 0;
  uint64_t monotonic_ns_ = 0;
  bool expects_keyframe_ = true;
};

}  // namespace tcpfleet::sockets
