// What frames of one agent cost a controller that takes them in, records and replays them.
#pragma once

#include <absl/status/statusor.h>

#include <vector>

#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::bench {

struct RecordedFrames {
  double sample_bytes = 0;    // of a frame that is no keyframe, per live connection
  double keyframe_bytes = 0;  // per connection
  // CPU to decode a frame and bring the console's table up to date.
  double decode_ns_per_row = 0;  // per live connection, whether it changed or not
  double decode_keyframe_ns_per_row = 0;
  double replay_cost = 0;  // CPU to replay the recording, of the time it covers
};

// `frames` begin with a keyframe and come one second after the other.
absl::StatusOr<RecordedFrames> MeasureRecordedFrames(
    const std::vector<v1::ConnectionFrame>& frames);

}  // namespace tcpfleet::bench
