#include "common/sys/rlimit.h"

#include <sys/resource.h>

#include "common/sys/errno_name.h"

namespace tcpfleet::sys {

absl::StatusOr<uint64_t> OpenFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return ErrnoStatus("getrlimit RLIMIT_NOFILE");
  return uint64_t{limit.rlim_cur};
}

absl::StatusOr<uint64_t> RaiseOpenFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return ErrnoStatus("getrlimit RLIMIT_NOFILE");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return ErrnoStatus("setrlimit RLIMIT_NOFILE");
  return uint64_t{limit.rlim_cur};
}

}  // namespace tcpfleet::sys
