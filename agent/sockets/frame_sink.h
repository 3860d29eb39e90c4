#pragma once

#include <absl/status/status.h>

#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::agent {

// Takes the frames of one subscription. The hub calls from its sampler thread, one call at a time,
// holding no lock.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // True when nothing waits to be written.
  virtual bool Ready() = 0;
  // Only called after Ready() answered true; does not block.
  virtual void Send(v1::ConnectionFrame frame) = 0;
  // The last call: the source failed for good or the hub stops.
  virtual void Fail(const absl::Status& status) = 0;
};

}  // namespace tcpfleet::agent
