// Files of one directory that are there whole or not at all, also after a crash or a power cut.
//
// Names are single components and symbolic links are not followed, so nothing outside of the
// directory is touched.
//
// Owns:    a descriptor of the directory.
// Threads: not thread-safe.
// Errors:  InvalidArgument (a name with a slash), FailedPrecondition (no regular file), and what
//          the system says.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

// Called before each step that changes something; a status that is not OK stands for the step's
// own, which is then not taken. Where tests let a disk fail or a process die.
using BeforeStep = std::function<absl::Status(absl::string_view step)>;

class DurableDirectory {
 public:
  struct File {
    std::string bytes;
    uint32_t mode = 0;  // permission bits
    bool operator==(const File&) const = default;
  };

  static absl::StatusOr<DurableDirectory> Open(const std::string& path,
                                               BeforeStep before_step = nullptr);

  // Nothing when there is no such file.
  absl::StatusOr<std::optional<File>> Read(const std::string& name, size_t max_bytes) const;
  // Written beside it, synced, renamed, and the directory synced.
  absl::Status Replace(const std::string& name, const File& file) const;
  // What a crash left of replacing it.
  absl::Status RemoveUnfinished(const std::string& name) const;
  // Fine when there is no such file.
  absl::Status Remove(const std::string& name) const;

  // A directory in this one, 0700; fine when it is there.
  absl::StatusOr<DurableDirectory> Make(const std::string& name) const;
  // One that is there.
  absl::StatusOr<DurableDirectory> Inner(const std::string& name) const;
  // With the files in it. Fine when there is none.
  absl::Status RemoveDirectory(const std::string& name) const;
  // Ascending. At most `most`, ResourceExhausted above.
  absl::StatusOr<std::vector<std::string>> Names(size_t most) const;

  // What this process may still write to the file system.
  absl::StatusOr<uint64_t> FreeBytes() const;

 private:
  DurableDirectory(std::string path, UniqueFd fd, BeforeStep before_step)
      : path_(std::move(path)), fd_(std::move(fd)), before_step_(std::move(before_step)) {}
  absl::Status Step(absl::string_view what, const std::string& name,
                    const std::function<int()>& call) const;
  absl::Status Sync() const;
  std::string PathOf(const std::string& name) const { return path_ + "/" + name; }

  std::string path_;
  UniqueFd fd_;
  BeforeStep before_step_;
};

}  // namespace tcpfleet::sys
