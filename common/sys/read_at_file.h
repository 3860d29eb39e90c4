#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

// A regular file read in any order.
class ReadAtFile {
 public:
  // FailedPrecondition when it is no regular file.
  static absl::StatusOr<ReadAtFile> Open(const std::string& path);

  // When it was opened.
  uint64_t size() const { return size_; }
  // How many bytes were read: fewer than asked for only at the end of the file.
  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> into) const;

 private:
  ReadAtFile(UniqueFd fd, uint64_t size) : fd_(std::move(fd)), size_(size) {}
  UniqueFd fd_;
  uint64_t size_;
};

}  // namespace tcpfleet::sys
