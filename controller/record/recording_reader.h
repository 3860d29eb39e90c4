// The entries of a recording in order, from one file or from the parts of one, and whatever is
// whole of a damaged one.
//
// Where frames are lost, those that follow cannot be applied: for every agent concerned the reader
// says "down" with the cause, and gives its frames again from its next keyframe on, with "up"
// before it. Unrotated and undamaged, what comes out is what went in; what parts say again is left
// out.
//
// Threads: not thread-safe.
// Errors:  InvalidArgument (no recording, or of another major version), and what reading ends
//          with. Damage is no error; condition() tells.
// Bounds:  one record (72 MiB at most), and who each agent is; kMostHosts agents.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/record/record_scanner.h"
#include "controller/record/recording_condition.h"
#include "tcpfleet/v1/recording.pb.h"

namespace tcpfleet::controller {

class RecordingReader {
 public:
  struct Part {
    std::string name;  // for messages
    std::unique_ptr<ByteSource> source;
  };
  struct Position {
    size_t part = 0;
    uint64_t offset = 0;
    auto operator<=>(const Position&) const = default;
  };

  // `path`, or its parts when there is no such file.
  static absl::StatusOr<std::unique_ptr<RecordingReader>> Open(const std::string& path);
  // At least one part.
  static absl::StatusOr<std::unique_ptr<RecordingReader>> Open(std::vector<Part> parts);

  // Of the first part that has one.
  const v1::RecordingHeader& header() const { return header_; }
  // The next entry, headers left out; nothing at the end.
  absl::StatusOr<std::optional<v1::RecordingEntry>> Next();
  const RecordingCondition& condition() const { return condition_; }

  // Next() goes on at `position` without knowing what came before: an agent's frames are given from
  // its next keyframe on, with what Know() said of it before.
  void SeekTo(Position position);
  void Know(uint32_t agent, v1::AgentUp up);
  // The entry at a position where there is one.
  absl::StatusOr<v1::RecordingEntry> ReadAt(Position position);
  absl::Span<const Part> parts() const { return parts_; }

 private:
  using Found = RecordScanner::Found;
  struct Agent {
    enum class State : uint8_t {
      kUnknown,
      kUp,       // no keyframe yet
      kFlowing,  // frames can be applied
      kLost,     // until its next keyframe or "up"
      kDown,
    };
    State state = State::kUnknown;
    v1::AgentUp up;
  };

  explicit RecordingReader(std::vector<Part> parts);
  absl::Status ReadHeader();
  void BeginPart(size_t part);
  void EndPart();
  absl::Status TakeRecord(const Found& found);
  absl::Status TakeHeader(const v1::RecordingHeader& header);
  void TakeEntry(v1::RecordingEntry entry, bool repeated);
  void TakeLoss(const Found& loss);
  void Note(uint64_t offset, const std::string& what);
  void Lose(uint32_t agent);
  void LoseAll();
  void GiveUp(const v1::RecordingEntry& before, const Agent& agent);

  std::vector<Part> parts_;
  size_t part_ = 0;
  std::optional<RecordScanner> scanner_;
  v1::RecordingHeader header_;
  RecordingCondition condition_;
  std::optional<Position> furthest_loss_;  // those before it are counted already
  std::vector<Agent> agents_;
  std::deque<v1::RecordingEntry> ready_;
  int64_t last_unix_ns_ = 0;             // of the last whole record
  std::optional<uint32_t> part_number_;  // of the last header
  bool part_ended_ = false;              // the present part's end record was seen
};

}  // namespace tcpfleet::controller
