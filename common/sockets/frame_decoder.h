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

#include <map>
#include <vector>

#include "common/sockets/connection_sample.h"
#include "common/sockets/frame_encoder.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::sockets {

class FrameDecoder {
 public:
  absl::Status Apply(const v1::ConnectionFrame& frame);

  // Live connections by row id.
  const std::map<uint32_t, ConnectionSample>& rows() const { return rows_; }
  // Connections the last frame closed.
  const std::vector<ClosedConnection>& closed() const { return closed_; }

 private:
  std::map<uint32_t, ConnectionSample> rows_;
  std::vector<ClosedConnection> closed_;
  bool expects_keyframe_ = true;
};

}  // namespace tcpfleet::sockets
