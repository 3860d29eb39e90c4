#include "common/sys/durable_directory.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/directory.h"
#include "common/sys/errno_name.h"
#include "common/sys/file.h"
#include "common/sys/retry.h"

namespace tcpfleet::sys {
namespace {

constexpr uint32_t kPermissionBits = 07777;

absl::Status CheckName(const std::string& name) {
  if (name.empty() || name == "." || name == ".." ||
      name.find_first_of(std::string("/\0", 2)) != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("'", name, "' is not a file name"));
  }
  return absl::OkStatus();
}

// A leading dot and no .conf: nobody who reads the directory takes it for one of the files.
std::string Beside(const std::string& name) { return absl::StrCat(".", name, ".tmp"); }

absl::StatusOr<std::string> ReadToEnd(int fd, size_t max_bytes) {
  std::string bytes;
  char buffer[16384];
  for (;;) {
    const ssize_t got = RetryEintr([&] { return ::read(fd, buffer, sizeof(buffer)); });
    if (got < 0) return ErrnoStatus("read");
    if (got == 0) return bytes;
    if (bytes.size() + static_cast<size_t>(got) > max_bytes) {
      return absl::ResourceExhaustedError(absl::StrCat("larger than ", max_bytes, " bytes"));
    }
    bytes.append(buffer, static_cast<size_t>(got));
  }
}

}  // namespace

absl::StatusOr<DurableDirectory> DurableDirectory::Open(const std::string& path,
                                                        BeforeStep before_step) {
  UniqueFd fd(RetryEintr([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  return DurableDirectory(path, std::move(fd), std::move(before_step));
}

absl::StatusOr<std::optional<DurableDirectory::File>> DurableDirectory::Read(
    const std::string& name, size_t max_bytes) const {
  TF_RETURN_IF_ERROR(CheckName(name));
  // O_NONBLOCK: a FIFO nobody writes must be refused, not waited for.
  const UniqueFd fd(RetryEintr([&] {
    return ::openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  }));
  if (!fd.valid() && errno == ENOENT) return std::nullopt;
  if (!fd.valid() && errno == ELOOP) {
    return absl::FailedPreconditionError(absl::StrCat(PathOf(name), " is a symbolic link"));
  }
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", PathOf(name)));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return ErrnoStatus(absl::StrCat("fstat ", PathOf(name)));
  if (!S_ISREG(status.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(PathOf(name), " is no regular file"));
  }
  absl::StatusOr<std::string> bytes = ReadToEnd(fd.get(), max_bytes);
  if (!bytes.ok()) return base::WithContext(PathOf(name), bytes.status());
  return File{*std::move(bytes), status.st_mode & kPermissionBits};
}

absl::Status DurableDirectory::Step(absl::string_view what, const std::string& name,
                                    const std::function<int()>& call) const {
  const std::string step = absl::StrCat(what, " ", name.empty() ? path_ : PathOf(name));
  if (before_step_) {
    TF_RETURN_IF_ERROR(before_step_(step));
  }
  if (RetryEintr(call) < 0) return ErrnoStatus(step);
  return absl::OkStatus();
}

absl::Status DurableDirectory::Sync() const {
  return Step("fsync", "", [&] { return ::fsync(fd_.get()); });
}

absl::Status DurableDirectory::Replace(const std::string& name, const File& file) const {
  TF_RETURN_IF_ERROR(CheckName(name));
  const std::string beside = Beside(name);
  const auto write = [&]() -> absl::Status {
    ::unlinkat(fd_.get(), beside.c_str(), 0);  // what a crash left
    UniqueFd fd;
    TF_RETURN_IF_ERROR(Step("create", beside, [&] {
      fd.Reset(::openat(fd_.get(), beside.c_str(),
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
      return fd.get();
    }));
    TF_RETURN_IF_ERROR(Step("write", beside, [] { return 0; }));
    TF_RETURN_IF_ERROR(base::WithContext(PathOf(beside), WriteAll(fd.get(), file.bytes)));
    // Whatever the umask is.
    TF_RETURN_IF_ERROR(Step("chmod", beside, [&] { return ::fchmod(fd.get(), file.mode); }));
    TF_RETURN_IF_ERROR(Step("fsync", beside, [&] { return ::fsync(fd.get()); }));
    return Step("rename", beside,
                [&] { return ::renameat(fd_.get(), beside.c_str(), fd_.get(), name.c_str()); });
  };
  const absl::Status written = write();
  if (!written.ok()) {
    ::unlinkat(fd_.get(), beside.c_str(), 0);
    return written;
  }
  return Sync();
}

absl::Status DurableDirectory::RemoveUnfinished(const std::string& name) const {
  TF_RETURN_IF_ERROR(CheckName(name));
  const std::string beside = Beside(name);
  if (::faccessat(fd_.get(), beside.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
    return absl::OkStatus();
  }
  return Remove(beside);
}

absl::Status DurableDirectory::Remove(const std::string& name) const {
  TF_RETURN_IF_ERROR(CheckName(name));
  TF_RETURN_IF_ERROR(Step("remove", name, [&] {
    const int result = ::unlinkat(fd_.get(), name.c_str(), 0);
    return result < 0 && errno == ENOENT ? 0 : result;
  }));
  return Sync();
}

absl::StatusOr<DurableDirectory> DurableDirectory::Make(const std::string& name) const {
  TF_RETURN_IF_ERROR(CheckName(name));
  TF_RETURN_IF_ERROR(Step("mkdir", name, [&] {
    const int result = ::mkdirat(fd_.get(), name.c_str(), 0700);
    return result < 0 && errno == EEXIST ? 0 : result;
  }));
  TF_RETURN_IF_ERROR(Sync());
  return Inner(name);
}

absl::StatusOr<DurableDirectory> DurableDirectory::Inner(const std::string& name) const {
  TF_RETURN_IF_ERROR(CheckName(name));
  UniqueFd fd(RetryEintr([&] {
    return ::openat(fd_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", PathOf(name)));
  return DurableDirectory(PathOf(name), std::move(fd), before_step_);
}

absl::Status DurableDirectory::RemoveDirectory(const std::string& name) const {
  constexpr size_t kMostFiles = 64;
  absl::StatusOr<DurableDirectory> inner = Inner(name);
  if (absl::IsNotFound(inner.status())) return absl::OkStatus();
  TF_RETURN_IF_ERROR(inner.status());
  TF_ASSIGN_OR_RETURN(const std::vector<std::string> files, inner->Names(kMostFiles));
  for (const std::string& file : files) TF_RETURN_IF_ERROR(inner->Remove(file));
  TF_RETURN_IF_ERROR(
      Step("rmdir", name, [&] { return ::unlinkat(fd_.get(), name.c_str(), AT_REMOVEDIR); }));
  return Sync();
}

absl::StatusOr<std::vector<std::string>> DurableDirectory::Names(size_t most) const {
  TF_ASSIGN_OR_RETURN(Directory directory, Directory::Open(path_));
  std::vector<std::string> names;
  for (Directory::Entry entry{}; directory.Next(entry);) {
    if (names.size() == most) {
      return absl::ResourceExhaustedError(absl::StrCat(path_, ": more than ", most, " entries"));
    }
    names.emplace_back(entry.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<uint64_t> DurableDirectory::FreeBytes() const {
  struct statvfs status {};
  if (::fstatvfs(fd_.get(), &status) != 0) return ErrnoStatus(absl::StrCat("statvfs ", path_));
  // File systems without a size of their own say 0 of 0.
  if (status.f_blocks == 0) return std::numeric_limits<uint64_t>::max();
  return uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace tcpfleet::sys
