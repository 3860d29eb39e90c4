// Who changed what: one line of JSON (SysctlLogEntry) per event, each with the hash of the line
// before, so that a line that was altered, added or taken away shows.
//
// Owns:    the file, which nobody else can append to meanwhile (flock).
// Threads: not thread-safe.
// Errors:  FailedPrecondition when another agent uses it.
// Bounds:  texts in a line are cut to kLongestLogText bytes, a line to kLongestLogLine. The file is
//          never rotated: what is gone from it cannot be checked.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/sys/append_file.h"
#include "common/sys/durable_directory.h"
#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kLongestLogText = 4'096;
inline constexpr size_t kLongestLogLine = 131'072;

// 64 hexadecimal digits over every field but `hash`.
std::string HashOf(const v1::SysctlLogEntry& entry);

class ChangeLog {
 public:
  // What a crash left of a line at the end is cut off.
  static absl::StatusOr<ChangeLog> Open(const std::string& path, std::string boot_id,
                                        base::Clock* clock, sys::BeforeStep before_step);

  // Fills in the sequence number, times, boot id and hashes.
  absl::Status Append(v1::SysctlLogEntry entry);
  absl::Status Sync();

 private:
  ChangeLog(sys::AppendFile file, std::string boot_id, base::Clock* clock,
            sys::BeforeStep before_step)
      : file_(std::move(file)),
        boot_id_(std::move(boot_id)),
        clock_(clock),
        before_step_(std::move(before_step)) {}
  absl::Status FindEnd(const std::string& path);

  sys::AppendFile file_;
  std::string boot_id_;
  base::Clock* clock_;
  sys::BeforeStep before_step_;
  uint64_t sequence_ = 0;  // of the last line
  std::string last_hash_;
};

struct LogReading {
  // The newest, oldest first: at most `most_entries` and `most_bytes` of JSON.
  std::vector<v1::SysctlLogEntry> entries;
  // "line 7: ..." of the first line that is not as it was written; empty when all are.
  std::string damage;
};
// Also while it is written to: a line under way at the end is left out. An absent file is empty.
absl::StatusOr<LogReading> ReadChangeLog(const std::string& path, size_t most_entries,
                                         size_t most_bytes);

}  // namespace tcpfleet::agent
