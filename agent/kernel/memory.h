#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <string>

namespace tcpfleet::agent {

// MemAvailable of /proc/meminfo, bytes: what programs can have without swapping. proc_meminfo(5).
absl::StatusOr<uint64_t> ReadAvailableMemory(const std::string& path = "/proc/meminfo");

// A line of that file, such as "MemTotal", in bytes. DataLoss when there is none in kB.
absl::StatusOr<uint64_t> ParseMeminfo(absl::string_view text, absl::string_view name);

}  // namespace tcpfleet::agent
