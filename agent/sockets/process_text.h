// What /proc/PID says of a process. Its name and arguments are a stranger's text: Readable.
#pragma once

#include <absl/strings/string_view.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace tcpfleet::agent {

inline constexpr size_t kLongestCommandLine = 4096;
inline constexpr size_t kLongestStat = 4096;

struct ProcessStat {
  std::string comm;
  uint64_t start_ticks = 0;
};
// "4711 (name with ) and blanks) S 1 ...". Source: proc_pid_stat(5).
std::optional<ProcessStat> ParseProcessStat(absl::string_view text);

// The content of /proc/PID/cmdline, joined by blanks.
std::string JoinArguments(std::string arguments);

}  // namespace tcpfleet::agent
