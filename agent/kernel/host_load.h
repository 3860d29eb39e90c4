// What the host is busy with. Errors: DataLoss names what the kernel cannot have written; then
// nothing is set.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::agent {

// /proc/loadavg
absl::Status ParseLoad(absl::string_view text, v1::HostStatistics& host);
// /proc/meminfo
absl::Status ParseMemory(absl::string_view text, v1::HostStatistics& host);
// /proc/uptime
absl::Status ParseUptime(absl::string_view text, v1::HostStatistics& host);
// /proc/pressure/RESOURCE. Source: Documentation/accounting/psi.rst.
absl::Status ParsePressure(absl::string_view resource, absl::string_view text,
                           v1::HostStatistics& host);
// /proc/sys/fs/file-nr: allocated, always 0, the most there may be.
absl::Status ParseFileNumbers(absl::string_view text, v1::HostStatistics& host);

}  // namespace tcpfleet::agent
