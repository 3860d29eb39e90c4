// Writes what a fleet says to a file, so that a recorder that is killed leaves everything up to its
// last whole record.
//
// Owns:    the file (sys::AppendFile: one writer at a time). Each record is one write(2), so only a
//          power cut can cost what was recorded: what the kernel had not yet written back, up to
//          about 30 s. Finished parts are on the disk.
// Threads: not thread-safe.
// Errors:  FailedPrecondition (the file is there already, or somebody else writes it),
//          InvalidArgument (no such directory) and what the kernel says. After the first one
//          nothing more is written; the file stays readable.
// Bounds:  one record in memory; with rotation also the present rows of every agent, which each new
//          part begins with.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/sockets/frame_decoder.h"
#include "common/sys/append_file.h"
#include "controller/record/record_format.h"
#include "tcpfleet/v1/recording.pb.h"

namespace tcpfleet::controller {

struct RecorderOptions {
  std::string path;
  bool overwrite = false;
  // A part ends before it would be larger, or would last longer, and the next begins with all there
  // is to know. 0 and infinite: never; with both the recording is `path` itself.
  uint64_t rotate_bytes = 0;
  absl::Duration rotate_every = absl::InfiniteDuration();
  uint32_t keep_parts = 0;  // older ones are removed; 0: none is
  // What is watched; the format, the part and the controller's version are filled in.
  v1::RecordingHeader header;

  bool rotates() const { return rotate_bytes > 0 || rotate_every < absl::InfiniteDuration(); }
};

class Recorder {
 public:
  // `now` is when the recording begins.
  static absl::StatusOr<std::unique_ptr<Recorder>> Create(RecorderOptions options, absl::Time now);

  // A header among the entries is left out.
  absl::Status Append(const v1::RecordingEntry& entry);
  // Ends the file properly and waits until the disk has it. Once; nothing is appended later.
  absl::Status Finish();

  struct Totals {
    uint64_t entries = 0;
    uint64_t bytes = 0;        // of all parts, also of those removed since
    uint32_t parts = 0;        // begun so far
    int64_t last_unix_ns = 0;  // of the newest entry
  };
  const Totals& totals() const { return totals_; }
  // Of the present part.
  const std::string& part_path() const { return part_path_; }

 private:
  struct Agent {
    std::optional<v1::RecordingEntry> up;
    std::optional<v1::RecordingEntry> down;  // since `up`
    sockets::FrameDecoder rows;              // only filled when the recording rotates
    bool whole = false;                      // `rows` are those of the last frame
  };

  explicit Recorder(RecorderOptions options) : options_(std::move(options)) {}
  absl::Status MakeRoom();
  absl::Status BeginPart(int64_t unix_ns);
  absl::Status RepeatState(int64_t unix_ns);
  absl::Status Rotate(int64_t unix_ns);
  bool IsPartFull(size_t record_bytes, int64_t unix_ns) const;
  void Remember(const v1::RecordingEntry& entry);
  absl::Status Write(const v1::RecordingEntry& entry, RecordType type, uint8_t flags);
  absl::Status WriteOut();
  absl::Status EndPart();
  absl::Status Stopped(const absl::Status& cause);

  const RecorderOptions options_;
  std::optional<sys::AppendFile> file_;
  std::string part_path_;
  int64_t part_begin_unix_ns_ = 0;
  uint64_t part_entries_ = 0;  // without those repeated at its begin
  std::string buffer_;         // records to be written
  std::map<uint32_t, Agent> agents_;
  Totals totals_;
  absl::Status stopped_;  // OK while recording
};

}  // namespace tcpfleet::controller
