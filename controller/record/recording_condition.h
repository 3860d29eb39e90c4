#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tcpfleet::controller {

// How whole a recording is, as far as it was read.
struct RecordingCondition {
  // One line for each of the first kMostNotes places where something is missing: file, byte, time.
  static constexpr size_t kMostNotes = 8;
  std::vector<std::string> notes;
  uint64_t losses = 0;
  uint64_t lost_bytes = 0;
  uint64_t useless_frames = 0;   // whole, but without a lost one before them
  uint64_t unknown_records = 0;  // of a newer minor version
  bool finished = false;         // the recorder ended it; otherwise it was killed, or still records

  bool whole() const { return losses == 0; }
  // All of it for people; empty for a finished recording that is whole.
  std::vector<std::string> Lines() const;
};

}  // namespace tcpfleet::controller
