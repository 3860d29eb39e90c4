#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>

namespace tcpfleet::agent {

// MemAvailable of /proc/meminfo, bytes: what programs can have without swapping. proc_meminfo(5).
absl::StatusOr<uint64_t> ReadAvailableMemory(const std::string& path = "/proc/meminfo");

}  // namespace tcpfleet::agent
