// The entries of a directory and what they lead to, without holding more than one buffer of them:
// for directories as large as /proc/PID/fd can get.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>
#include <dirent.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace tcpfleet::sys {

class Directory {
 public:
  static absl::StatusOr<Directory> Open(const std::string& path);

  struct Entry {
    const char* name;   // valid until the next call
    bool is_directory;  // as far as the file system says so without being asked for each entry
  };
  // False at the end, and where the rest cannot be read any more. Leaves out "." and "..".
  bool Next(Entry& entry);

  absl::StatusOr<uint64_t> Inode() const;

  // All of these take paths from here. Inside /proc/PID they never reach a later process with the
  // same number.

  // What a symbolic link says, cut to the size of `buffer`, in which it lies.
  absl::StatusOr<absl::string_view> ReadLink(const char* path, absl::Span<char> buffer) const;
  // stat(2)'s size. Needs no right to the file itself.
  absl::StatusOr<uint64_t> SizeOf(const char* path) const;
  // At most the first `max_bytes` of a file.
  absl::StatusOr<std::string> ReadStart(const char* path, size_t max_bytes) const;

 private:
  struct Close {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  explicit Directory(DIR* stream) : stream_(stream) {}
  int fd() const { return ::dirfd(stream_.get()); }

  std::unique_ptr<DIR, Close> stream_;
};

}  // namespace tcpfleet::sys
