// Numbers with units as people type and read them.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>

namespace tcpfleet::base {

// "1.5s", "200ms", "2m", "1h30m"; a bare number is seconds, as for sleep(1). Not negative, not
// infinite.
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text);

// "5000", "100k", "2M": decimal multipliers k, M, G. Not negative, at most 2^53.
absl::StatusOr<uint64_t> ParseCount(absl::string_view text);

// "12 µs", "3.4 ms", "1.20 s": three significant digits.
std::string FormatMicroseconds(double us);

// "950", "12.3k", "4.56M": three significant digits, decimal multipliers.
std::string FormatCount(double count);

// "950 B", "12.3 kB", "4.56 MB": the same of bytes.
std::string FormatBytes(double bytes);

// How long something has lasted, its two largest units: "420ms", "4.2s", "12m03s", "3h12m",
// "5d04h".
std::string FormatAge(absl::Duration age);

}  // namespace tcpfleet::base
