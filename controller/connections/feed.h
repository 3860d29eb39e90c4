// Entries of a watched fleet as they arrive, live or from a recording.
//
// Threads: as each says; Next() from one thread.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <memory>
#include <optional>
#include <stop_token>

#include "tcpfleet/v1/recording.pb.h"

namespace tcpfleet::controller {

class Feed {
 public:
  virtual ~Feed() = default;
  // The next entry, waiting `wait` at most. Nothing: none came in time, or the feed has ended.
  virtual std::optional<v1::RecordingEntry> Next(absl::Duration wait,
                                                 const std::stop_token& stop) = 0;
  // No entry will come any more. A live feed does not end by itself.
  virtual bool ended() const = 0;
};

}  // namespace tcpfleet::controller
