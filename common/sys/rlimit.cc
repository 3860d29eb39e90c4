#include "common/sys/rlimit.h"

#include <sys/resource.h>

#include "common/sys/errno_name.h"

namespace tcpfleet::sys {

absl::StatusOr<uint64_t> OpenFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return ErrnoStatus("getrlimit RLIMIT_NOFILE");
  return uint64_t{limit.rlim_cur};
}

absl::StatusOr<FileLimits> FileLimitsOf(uint32_t pid) {
  static_assert(kUnlimitedFiles == RLIM_INFINITY);
  rlimit limit{};
  if (::prlimit(static_cast<pid_t>(pid), RLIMIT_NOFILE, nullptr, &limit) != 0) {
    return ErrnoStatus("prlimit RLIMIT_NOFILE");
  }
  return FileLimits{limit.rlim_cur, limit.rlim_max};
}

absl::StatusOr<uint64_t> RaiseOpenFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return ErrnoStatus("getrlimit RLIMIT_NOFILE");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return ErrnoStatus("setrlimit RLIMIT_NOFILE");
  return uint64_t{limit.rlim_cur};
}

}  // namespace tcpfleet::sys
