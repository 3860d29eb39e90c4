// What people type to say when and how fast.
//
// Errors: InvalidArgument says what would be right.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <limits>

namespace tcpfleet::controller {

// "2026-11-20T14:03:07Z", or "10m" or "+10m" after the begin of the recording.
struct ReplayTime {
  bool after_begin = false;
  int64_t ns = 0;  // since 1970, or since the begin
  int64_t UnixNs(int64_t begin_unix_ns) const;
};
absl::StatusOr<ReplayTime> ParseReplayTime(absl::string_view text);

// "0.5", "10", "10x"; "max" is as fast as the reader can take it.
inline constexpr double kSlowestReplay = 0.1;
inline constexpr double kFastestReplay = 1000;
inline constexpr double kUnpacedReplay = std::numeric_limits<double>::infinity();
absl::StatusOr<double> ParseReplaySpeed(absl::string_view text);

}  // namespace tcpfleet::controller
