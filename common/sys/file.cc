#include "common/sys/file.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "common/base/clock.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/retry.h"

namespace tcpfleet::sys {

absl::StatusOr<UniqueFd> OpenForRead(const std::string& path) {
  UniqueFd fd(RetryEintr([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  return fd;
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  TF_ASSIGN_OR_RETURN(const UniqueFd fd, OpenForRead(path));
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t got = RetryEintr([&] { return ::read(fd.get(), buffer, sizeof(buffer)); });
    if (got < 0) return ErrnoStatus(absl::StrCat("read ", path));
    if (got == 0) return content;
    if (content.size() + static_cast<size_t>(got) > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, ": larger than ", max_bytes, " bytes"));
    }
    content.append(buffer, static_cast<size_t>(got));
  }
}

absl::StatusOr<UniqueFd> OpenForWrite(const std::string& path) {
  UniqueFd fd(RetryEintr(
      [&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666); }));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  return fd;
}

absl::Status WriteAll(int fd, absl::string_view content) {
  while (!content.empty()) {
    const ssize_t put = RetryEintr([&] { return ::write(fd, content.data(), content.size()); });
    if (put < 0) return ErrnoStatus("write");
    content.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadLineUntil(int fd, int64_t deadline_ns) {
  constexpr size_t kLongestLine = 4096;
  std::string line;
  while (line.size() < kLongestLine) {
    const int64_t left_ns = deadline_ns - base::MonotonicNowNs();
    if (left_ns <= 0) return absl::DeadlineExceededError("no line arrived in time");
    pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
    const int64_t left_ms = std::min<int64_t>(left_ns / 1'000'000 + 1, 60'000);
    if (::poll(&readable, 1, static_cast<int>(left_ms)) <= 0) continue;
    char byte = 0;
    const ssize_t got = RetryEintr([&] { return ::read(fd, &byte, 1); });
    if (got < 0) return ErrnoStatus("read");
    if (got == 0) return absl::OutOfRangeError("closed before a line arrived");
    if (byte == '\n') return line;
    line.push_back(byte);
  }
  return absl::ResourceExhaustedError("line longer than 4096 bytes");
}

absl::Status WriteOnce(const std::string& path, absl::string_view content) {
  const UniqueFd fd(RetryEintr([&] {
    return ::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  }));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  const ssize_t put = RetryEintr([&] { return ::write(fd.get(), content.data(), content.size()); });
  if (put < 0) return ErrnoStatus(absl::StrCat("write ", path));
  if (static_cast<size_t>(put) == content.size()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("write ", path, ": only ", put, " of ", content.size(), " bytes were taken"));
}

absl::Status CheckWritable(const std::string& path) {
  if (::access(path.c_str(), W_OK) != 0) return ErrnoStatus(path);
  return absl::OkStatus();
}

absl::Status WriteFile(const std::string& path, absl::string_view content) {
  TF_ASSIGN_OR_RETURN(const UniqueFd fd, OpenForWrite(path));
  return base::WithContext(path, WriteAll(fd.get(), content));
}

absl::Status ReplaceFile(const std::string& path, absl::string_view content) {
  std::error_code error;
  const bool is_there = std::filesystem::exists(path, error);
  if (is_there && !std::filesystem::is_regular_file(path, error)) return WriteFile(path, content);
  // Of a symbolic link it is the file behind it.
  const std::string real = is_there ? std::filesystem::canonical(path, error).string() : path;
  const std::string beside = absl::StrCat(real, ".", ::getpid(), ".tmp");
  const auto write = [&]() -> absl::Status {
    TF_ASSIGN_OR_RETURN(const UniqueFd fd, OpenForWrite(beside));
    TF_RETURN_IF_ERROR(base::WithContext(path, WriteAll(fd.get(), content)));
    if (RetryEintr([&] { return ::fsync(fd.get()); }) < 0) {
      return ErrnoStatus(absl::StrCat("fsync ", path));
    }
    if (::rename(beside.c_str(), real.c_str()) < 0)
      return ErrnoStatus(absl::StrCat("rename ", path));
    return absl::OkStatus();
  };
  const absl::Status written = write();
  if (!written.ok()) ::unlink(beside.c_str());
  return written;
}

absl::StatusOr<TemporaryDirectory> TemporaryDirectory::Create(absl::string_view prefix) {
  const char* root = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nobody calls setenv
  std::string path =
      absl::StrCat(root != nullptr && *root != '\0' ? root : "/tmp", "/", prefix, ".XXXXXX");
  if (::mkdtemp(path.data()) == nullptr) return ErrnoStatus(absl::StrCat("mkdtemp ", path));
  return TemporaryDirectory(std::move(path));
}

TemporaryDirectory::~TemporaryDirectory() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace tcpfleet::sys
