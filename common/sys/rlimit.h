#pragma once

#include <absl/status/statusor.h>

#include <cstdint>

namespace tcpfleet::sys {

// Descriptors this process may open (soft RLIMIT_NOFILE).
absl::StatusOr<uint64_t> OpenFileLimit();

// Raises the soft limit to the hard one and returns it.
absl::StatusOr<uint64_t> RaiseOpenFileLimit();

}  // namespace tcpfleet::sys
