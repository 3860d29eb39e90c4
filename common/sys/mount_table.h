// The mounts a process sees. Source: proc_pid_mountinfo(5).
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <string>
#include <vector>

namespace tcpfleet::sys {

struct Mount {
  std::string root;   // what of the file system is mounted: "/", for namespaces "net:[4026531840]"
  std::string point;  // where
  std::string type;   // "ext4", "cgroup2", "nsfs"
};

absl::StatusOr<std::vector<Mount>> ReadMounts(const std::string& path = "/proc/self/mountinfo");

// Leaves out lines that are no mountinfo.
std::vector<Mount> ParseMounts(absl::string_view mountinfo);

}  // namespace tcpfleet::sys
