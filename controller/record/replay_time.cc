#include "controller/record/replay_time.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <absl/time/time.h>

#include <algorithm>
#include <string>

#include "common/base/units.h"

namespace tcpfleet::controller {

int64_t ReplayTime::UnixNs(int64_t begin_unix_ns) const {
  if (!after_begin) return ns;
  return begin_unix_ns + std::min(ns, std::numeric_limits<int64_t>::max() - begin_unix_ns);
}

absl::StatusOr<ReplayTime> ParseReplayTime(absl::string_view text) {
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return ReplayTime{.after_begin = false, .ns = absl::ToUnixNanos(time)};
  }
  const absl::StatusOr<absl::Duration> offset = base::ParseDuration(absl::StripPrefix(text, "+"));
  if (offset.ok()) return ReplayTime{.after_begin = true, .ns = absl::ToInt64Nanoseconds(*offset)};
  return absl::InvalidArgumentError(
      absl::StrCat("'", text,
                   "' is no time: write 2026-11-20T14:03:07Z, or 10m for ten minutes after the "
                   "recording's begin"));
}

absl::StatusOr<double> ParseReplaySpeed(absl::string_view text) {
  if (text == "max") return kUnpacedReplay;
  double speed = 0;
  if (absl::SimpleAtod(absl::StripSuffix(text, "x"), &speed) && speed >= kSlowestReplay &&
      speed <= kFastestReplay) {
    return speed;
  }
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no speed: write ", kSlowestReplay,
                                                 " to ", kFastestReplay, ", or max"));
}

}  // namespace tcpfleet::controller
