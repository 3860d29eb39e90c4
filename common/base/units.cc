#include "common/base/units.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>

namespace tcpfleet::base {
namespace {

constexpr double kLargestExactInteger = 9007199254740992.0;  // 2^53

bool IsPlainNumber(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '.';
  });
}

// Three significant digits without an exponent: 1.23, 12.3, 123.
std::string ThreeDigits(double value) {
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f", decimals, value);
}

// The number, a multiplier, and `gap` between them.
std::string Scaled(double count, absl::string_view gap) {
  if (count < 999.5 && count == std::floor(count)) return absl::StrFormat("%.0f%s", count, gap);
  if (count < 999.5) return absl::StrCat(ThreeDigits(count), gap);
  if (count < 999.5e3) return absl::StrCat(ThreeDigits(count / 1e3), gap, "k");
  if (count < 999.5e6) return absl::StrCat(ThreeDigits(count / 1e6), gap, "M");
  return absl::StrCat(ThreeDigits(count / 1e9), gap, "G");
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text) {
  const absl::Status bad = absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a duration: write for example 500ms, 10s or 1h30m"));
  absl::Duration duration;
  double seconds = 0;
  if (IsPlainNumber(text)) {
    if (!absl::SimpleAtod(text, &seconds)) return bad;
    duration = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(std::string(text), &duration)) {
    return bad;
  }
  if (duration < absl::ZeroDuration() || duration == absl::InfiniteDuration()) return bad;
  return duration;
}

absl::StatusOr<uint64_t> ParseCount(absl::string_view text) {
  const absl::Status bad = absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a count: write for example 500, 100k or 2M"));
  double multiplier = 1;
  absl::string_view digits = text;
  if (!digits.empty()) {
    switch (digits.back()) {
      case 'k':
      case 'K':
        multiplier = 1e3;
        break;
      case 'M':
        multiplier = 1e6;
        break;
      case 'G':
        multiplier = 1e9;
        break;
      default:
        break;
    }
    if (multiplier > 1) digits.remove_suffix(1);
  }
  double value = 0;
  if (!IsPlainNumber(digits) || !absl::SimpleAtod(digits, &value)) return bad;
  value *= multiplier;
  if (value > kLargestExactInteger || value != std::floor(value)) return bad;
  return static_cast<uint64_t>(value);
}

std::string FormatMicroseconds(double us) {
  if (us < 999.5)
    return absl::StrCat(us < 9.995 ? ThreeDigits(us) : absl::StrFormat("%.0f", us), " µs");
  if (us < 999.5e3) return absl::StrCat(ThreeDigits(us / 1e3), " ms");
  return absl::StrCat(ThreeDigits(us / 1e6), " s");
}

std::string FormatCount(double count) { return Scaled(count, ""); }

std::string FormatBytes(double bytes) { return absl::StrCat(Scaled(bytes, " "), "B"); }

std::string FormatAge(absl::Duration age) {
  const int64_t ms = std::max<int64_t>(0, absl::ToInt64Milliseconds(age));
  if (ms < 1'000) return absl::StrCat(ms, "ms");
  if (ms < 60'000) return absl::StrFormat("%d.%ds", ms / 1'000, ms % 1'000 / 100);
  const int64_t minutes = ms / 60'000;
  if (minutes < 60) return absl::StrFormat("%dm%02ds", minutes, ms / 1'000 % 60);
  if (minutes < 24 * 60) return absl::StrFormat("%dh%02dm", minutes / 60, minutes % 60);
  return absl::StrFormat("%dd%02dh", minutes / (24 * 60), minutes / 60 % 24);
}

}  // namespace tcpfleet::base
