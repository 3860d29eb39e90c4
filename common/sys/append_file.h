#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <string>
#include <utility>

#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

// A regular file that only grows, by one writer at a time: it holds an flock(2), which readers need
// not mind. Only its owner may read it.
class AppendFile {
 public:
  enum class Existing { kRefuse, kReplace, kExtend };
  // AlreadyExists when the file is there and must not be; FailedPrecondition when another
  // AppendFile has it, and when it is no regular file. A file that is replaced is emptied only once
  // all this is known.
  static absl::StatusOr<AppendFile> Create(const std::string& path, Existing existing);

  // The lock on a file that is there, which stays as it is; only to be removed under it.
  static absl::StatusOr<AppendFile> Hold(const std::string& path);

  // All of it or nothing: what a write that failed left behind is cut off.
  absl::Status Append(absl::string_view bytes);
  // fdatasync(2): what is written stays even when the power goes.
  absl::Status Sync();
  // Drops what is behind the first `size` bytes.
  absl::Status CutTo(uint64_t size);
  uint64_t size() const { return size_; }

 private:
  static absl::StatusOr<AppendFile> FromEnd(UniqueFd fd, const std::string& path);
  explicit AppendFile(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  uint64_t size_ = 0;
};

}  // namespace tcpfleet::sys
