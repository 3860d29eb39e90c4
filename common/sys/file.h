#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

inline constexpr size_t kDefaultFileBound = size_t{16} << 20;

absl::StatusOr<UniqueFd> OpenForRead(const std::string& path);

// A new or emptied file.
absl::StatusOr<UniqueFd> OpenForWrite(const std::string& path);

// Whole content, also of /proc files whose size is said to be 0. ResourceExhausted above
// `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes = kDefaultFileBound);

// Blocks until all of it is written. FailedPrecondition when the reader of a pipe is gone (EPIPE).
absl::Status WriteAll(int fd, absl::string_view content);

// One line without its newline, from a pipe that carries nothing else after it. DeadlineExceeded at
// CLOCK_MONOTONIC `deadline_ns`, OutOfRange when the writer closed it first, ResourceExhausted
// above 4096 bytes.
absl::StatusOr<std::string> ReadLineUntil(int fd, int64_t deadline_ns);

// Writes what is there already, such as a file below /proc/sys, with one write(2); links are not
// followed. DataLoss when only part of it was taken.
absl::Status WriteOnce(const std::string& path, absl::string_view content);

// OK when this process may write there: mode, capabilities, read-only mounts. Source: access(2).
absl::Status CheckWritable(const std::string& path);

// Writes the whole content to a new or emptied file.
absl::Status WriteFile(const std::string& path, absl::string_view content);

// The whole content or, after an error, what was there before: written beside it, synced, renamed.
// What is there and no regular file is written to as it is.
absl::Status ReplaceFile(const std::string& path, absl::string_view content);

// A new directory only its owner can enter, below $TMPDIR or /tmp; removed with everything in it by
// the destructor.
class TemporaryDirectory {
 public:
  static absl::StatusOr<TemporaryDirectory> Create(absl::string_view prefix);
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~TemporaryDirectory();

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace tcpfleet::sys
