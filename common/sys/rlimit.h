#pragma once

#include <absl/status/statusor.h>

#include <cstdint>

namespace tcpfleet::sys {

// Descriptors this process may open (soft RLIMIT_NOFILE).
absl::StatusOr<uint64_t> OpenFileLimit();

// Soft and hard RLIMIT_NOFILE of another process; kUnlimitedFiles where there is none.
// PermissionDenied for another user's without CAP_SYS_RESOURCE. Source: prlimit(2).
struct FileLimits {
  uint64_t soft = 0;
  uint64_t hard = 0;
};
inline constexpr uint64_t kUnlimitedFiles = ~uint64_t{0};
absl::StatusOr<FileLimits> FileLimitsOf(uint32_t pid);

// Raises the soft limit to the hard one and returns it.
absl::StatusOr<uint64_t> RaiseOpenFileLimit();

}  // namespace tcpfleet::sys
