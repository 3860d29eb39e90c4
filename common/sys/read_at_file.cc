#include "common/sys/read_at_file.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sys/errno_name.h"
#include "common/sys/retry.h"

namespace tcpfleet::sys {

absl::StatusOr<ReadAtFile> ReadAtFile::Open(const std::string& path) {
  // O_NONBLOCK: a FIFO nobody writes must be refused, not waited for.
  UniqueFd fd(RetryEintr([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return ErrnoStatus(absl::StrCat("fstat ", path));
  if (!S_ISREG(status.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": not a regular file"));
  }
  return ReadAtFile(std::move(fd), static_cast<uint64_t>(status.st_size));
}

absl::StatusOr<size_t> ReadAtFile::ReadAt(uint64_t offset, absl::Span<char> into) const {
  size_t got = 0;
  while (got < into.size()) {
    const ssize_t read = RetryEintr([&] {
      return ::pread(fd_.get(), into.data() + got, into.size() - got,
                     static_cast<off_t>(offset + got));
    });
    if (read < 0) return ErrnoStatus("pread");
    if (read == 0) break;
    got += static_cast<size_t>(read);
  }
  return got;
}

}  // namespace tcpfleet::sys
