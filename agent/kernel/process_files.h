// Descriptors of the host's processes, and how near to their limit that is.
//
// Source: /proc/PID/fd, whose size says how many since 6.2; /proc/PID/limits, prlimit(2).
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstddef>
#include <string>

#include "common/sys/rlimit.h"
#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::agent {

// Sets `processes`, the `top` that are nearest to their soft limit, with their `arguments` if these
// are worth another file each, and `processes_unreadable`. An error when no process can be seen at
// all.
absl::Status ReadProcessFiles(const std::string& proc_root, size_t top, bool arguments,
                              v1::HostStatistics& host);

// "Max open files" of /proc/PID/limits. DataLoss when it does not say.
absl::StatusOr<sys::FileLimits> ParseFileLimits(absl::string_view text);

}  // namespace tcpfleet::agent
