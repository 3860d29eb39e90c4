#include "common/sys/append_file.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/file.h"
#include "common/sys/retry.h"

namespace tcpfleet::sys {
namespace {

absl::Status LockRegular(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return ErrnoStatus(absl::StrCat("fstat ", path));
  if (!S_ISREG(status.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": not a regular file"));
  }
  if (RetryEintr([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) == 0) return absl::OkStatus();
  if (errno != EWOULDBLOCK) return ErrnoStatus(absl::StrCat("flock ", path));
  return absl::FailedPreconditionError(absl::StrCat(path, ": somebody else is writing it"));
}

}  // namespace

absl::StatusOr<AppendFile> AppendFile::Hold(const std::string& path) {
  UniqueFd fd(RetryEintr([&] { return ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  TF_RETURN_IF_ERROR(LockRegular(fd.get(), path));
  return AppendFile(std::move(fd));
}

absl::StatusOr<AppendFile> AppendFile::Create(const std::string& path, Existing existing) {
  // O_NONBLOCK: a FIFO nobody reads must be refused, not waited for.
  const int flags =
      O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | (existing == Existing::kRefuse ? O_EXCL : 0);
  UniqueFd fd(RetryEintr([&] { return ::open(path.c_str(), flags, 0600); }));
  if (!fd.valid() && errno == EEXIST) {
    return absl::AlreadyExistsError(absl::StrCat(path, ": the file exists already"));
  }
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  TF_RETURN_IF_ERROR(LockRegular(fd.get(), path));
  if (existing == Existing::kExtend) return FromEnd(std::move(fd), path);
  if (RetryEintr([&] { return ::ftruncate(fd.get(), 0); }) != 0) {
    return ErrnoStatus(absl::StrCat("ftruncate ", path));
  }
  return AppendFile(std::move(fd));
}

absl::StatusOr<AppendFile> AppendFile::FromEnd(UniqueFd fd, const std::string& path) {
  const off_t end = ::lseek(fd.get(), 0, SEEK_END);
  if (end < 0) return ErrnoStatus(absl::StrCat("lseek ", path));
  AppendFile file(std::move(fd));
  file.size_ = static_cast<uint64_t>(end);
  return file;
}

absl::Status AppendFile::CutTo(uint64_t size) {
  const auto length = static_cast<off_t>(size);
  if (RetryEintr([&] { return ::ftruncate(fd_.get(), length); }) != 0) {
    return ErrnoStatus("ftruncate");
  }
  if (::lseek(fd_.get(), length, SEEK_SET) < 0) return ErrnoStatus("lseek");
  size_ = size;
  return absl::OkStatus();
}

absl::Status AppendFile::Append(absl::string_view bytes) {
  absl::Status written = WriteAll(fd_.get(), bytes);
  if (written.ok()) {
    size_ += bytes.size();
    return written;
  }
  CutTo(size_).IgnoreError();
  return written;
}

absl::Status AppendFile::Sync() {
  if (RetryEintr([&] { return ::fdatasync(fd_.get()); }) != 0) return ErrnoStatus("fdatasync");
  return absl::OkStatus();
}

}  // namespace tcpfleet::sys
