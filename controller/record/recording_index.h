// Where in a recording agents came, went and said everything anew: what it takes to begin reading
// in the middle.
//
// Threads: immutable once built.
// Errors:  those of reading.
// Bounds:  32 bytes per "up", "down" and keyframe, so about 32 bytes per agent and minute. Building
//          reads every record's header.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "controller/record/recording_reader.h"

namespace tcpfleet::controller {

class RecordingIndex {
 public:
  using Position = RecordingReader::Position;

  static absl::StatusOr<RecordingIndex> Build(const RecordingReader& reader);

  // Of the first and the last entry; both 0 when there is none.
  int64_t begin_unix_ns() const { return begin_unix_ns_; }
  int64_t end_unix_ns() const { return end_unix_ns_; }

  // What tells everything about `unix_ns`: first who was up when `from` was written and who was
  // down at `unix_ns`, then everything from `from` on.
  struct Start {
    Position from;
    std::vector<Position> ups;
    std::vector<Position> downs;
  };
  Start StartFor(int64_t unix_ns) const;

 private:
  struct Landmark {
    Position position;
    int64_t unix_ns = 0;
    uint16_t agent = 0;
    RecordType type = RecordType::kEnd;
  };

  std::vector<Landmark> landmarks_;
  int64_t begin_unix_ns_ = 0;
  int64_t end_unix_ns_ = 0;
};

}  // namespace tcpfleet::controller
