#include "common/sys/directory.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/retry.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

absl::StatusOr<Directory> Directory::Open(const std::string& path) {
  UniqueFd fd(RetryEintr([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  DIR* stream = ::fdopendir(fd.get());
  if (stream == nullptr) return ErrnoStatus(absl::StrCat("fdopendir ", path));
  fd.Release();
  return Directory(stream);
}

bool Directory::Next(Entry& entry) {
  for (;;) {
    const dirent* next = ::readdir(stream_.get());  // NOLINT(concurrency-mt-unsafe): own stream
    if (next == nullptr) return false;
    const absl::string_view name = next->d_name;
    if (name == "." || name == "..") continue;
    entry = {next->d_name, next->d_type == DT_DIR};
    return true;
  }
}

absl::StatusOr<uint64_t> Directory::Inode() const {
  struct stat status {};
  if (::fstat(fd(), &status) != 0) return ErrnoStatus("fstat of a directory");
  return uint64_t{status.st_ino};
}

absl::StatusOr<absl::string_view> Directory::ReadLink(const char* path,
                                                      absl::Span<char> buffer) const {
  const ssize_t length = ::readlinkat(fd(), path, buffer.data(), buffer.size());
  if (length < 0) return ErrnoStatus(absl::StrCat("readlink ", path));
  return absl::string_view(buffer.data(), static_cast<size_t>(length));
}

absl::StatusOr<uint64_t> Directory::SizeOf(const char* path) const {
  struct stat status {};
  if (::fstatat(fd(), path, &status, 0) != 0) return ErrnoStatus(absl::StrCat("stat ", path));
  return static_cast<uint64_t>(status.st_size);
}

absl::StatusOr<std::string> Directory::ReadStart(const char* path, size_t max_bytes) const {
  const UniqueFd file(RetryEintr([&] { return ::openat(fd(), path, O_RDONLY | O_CLOEXEC); }));
  if (!file.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  std::string content(max_bytes, '\0');
  size_t size = 0;
  while (size < max_bytes) {
    const ssize_t got =
        RetryEintr([&] { return ::read(file.get(), &content[size], max_bytes - size); });
    if (got < 0) return ErrnoStatus(absl::StrCat("read ", path));
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  content.resize(size);
  return content;
}

}  // namespace tcpfleet::sys
