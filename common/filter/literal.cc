// Numbers with units, of quantity.h.
#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/strip.h>
#include <absl/types/span.h>

#include <array>

#include "common/base/status_macros.h"
#include "common/filter/quantity.h"

namespace tcpfleet::filter {
namespace {

using Wide = unsigned __int128;

// A suffix and how much of the unit it stands for, as a fraction.
struct Suffix {
  absl::string_view text;
  uint64_t times;
  uint64_t per = 1;
};

constexpr std::array kTimes = {
    // In nanoseconds.
    Suffix{"ns", 1},
    Suffix{"us", 1000},
    Suffix{"µs", 1000},
    Suffix{"ms", 1'000'000},
    Suffix{"s", 1'000'000'000},
    Suffix{"m", 60'000'000'000},
    Suffix{"min", 60'000'000'000},
    Suffix{"h", 3'600'000'000'000},
    Suffix{"d", 86'400'000'000'000},
};
constexpr std::array kCounts = {
    Suffix{"", 1},          Suffix{"k", 1000},          Suffix{"K", 1000},
    Suffix{"M", 1'000'000}, Suffix{"G", 1'000'000'000},
};
constexpr std::array kBytes = {
    Suffix{"", 1},
    Suffix{"B", 1},
    Suffix{"k", 1000},
    Suffix{"kB", 1000},
    Suffix{"K", 1000},
    Suffix{"KB", 1000},
    Suffix{"M", 1'000'000},
    Suffix{"MB", 1'000'000},
    Suffix{"G", 1'000'000'000},
    Suffix{"GB", 1'000'000'000},
    Suffix{"T", 1'000'000'000'000},
    Suffix{"TB", 1'000'000'000'000},
    Suffix{"Ki", uint64_t{1} << 10},
    Suffix{"KiB", uint64_t{1} << 10},
    Suffix{"Mi", uint64_t{1} << 20},
    Suffix{"MiB", uint64_t{1} << 20},
    Suffix{"Gi", uint64_t{1} << 30},
    Suffix{"GiB", uint64_t{1} << 30},
    Suffix{"Ti", uint64_t{1} << 40},
    Suffix{"TiB", uint64_t{1} << 40},
};
// Only of rates; ss prints bps for bits per second.
constexpr std::array kBits = {
    Suffix{"bit", 1, 8},         Suffix{"bps", 1, 8},     Suffix{"kbit", 125},
    Suffix{"kbps", 125},         Suffix{"Kbit", 125},     Suffix{"Kbps", 125},
    Suffix{"Mbit", 125'000},     Suffix{"Mbps", 125'000}, Suffix{"Gbit", 125'000'000},
    Suffix{"Gbps", 125'000'000},
};
constexpr std::array kShares = {Suffix{"%", 1'000'000}};

constexpr int kMostDigits = 20;

struct UnitText {
  absl::string_view noun;
  absl::string_view examples;
  absl::string_view finest;
};
// By Unit.
constexpr std::array kUnitTexts = {
    UnitText{"a number", "10, 1.5k or 0x1f", "whole numbers"},
    UnitText{"a time", "20ms, 300us or 1h30m", "whole microseconds"},
    UnitText{"a time", "500ms, 10s or 1h30m", "whole milliseconds"},
    UnitText{"a number of bytes", "1500, 64KiB or 1.5MB", "whole bytes"},
    UnitText{"a rate", "1MB, 64KiB/s or 10Mbit", "whole bytes per second"},
    UnitText{"a share", "1% or 0.5%", "millionths of a percent"},
};
const UnitText& TextOf(Unit unit) { return kUnitTexts[static_cast<size_t>(unit)]; }

// A decimal fraction: digits / 10^decimals.
struct Decimal {
  uint64_t digits = 0;
  Wide power = 1;
};

bool TakeDecimal(absl::string_view& text, Decimal& decimal) {
  int taken = 0;
  bool in_fraction = false;
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !in_fraction && taken > 0) {
      in_fraction = true;
      continue;
    }
    if (!absl::ascii_isdigit(static_cast<unsigned char>(text[at]))) break;
    const auto digit = static_cast<uint64_t>(text[at] - '0');
    if (++taken > kMostDigits || decimal.digits > (UINT64_MAX - digit) / 10) return false;
    decimal.digits = decimal.digits * 10 + digit;
    if (in_fraction) decimal.power *= 10;
  }
  if (taken == 0 || text[at - 1] == '.') return false;
  text.remove_prefix(at);
  return true;
}

const Suffix* FindSuffix(absl::Span<const Suffix> suffixes, absl::string_view text) {
  for (const Suffix& suffix : suffixes) {
    if (suffix.text == text) return &suffix;
  }
  return nullptr;
}

const Suffix* FindSuffix(Unit unit, absl::string_view text) {
  switch (unit) {
    case Unit::kNumber:
      return FindSuffix(kCounts, text);
    case Unit::kMicroseconds:
    case Unit::kMilliseconds:
      return FindSuffix(kTimes, text);
    case Unit::kBytes:
      return FindSuffix(kBytes, text);
    case Unit::kBytesPerSecond: {
      const absl::string_view plain = absl::StripSuffix(text, "/s");
      const Suffix* bits = FindSuffix(kBits, plain);
      return bits != nullptr ? bits : FindSuffix(kBytes, plain);
    }
    case Unit::kShare:
      return FindSuffix(kShares, text);
  }
  return nullptr;
}

// One unit in units of the suffix tables.
uint64_t ScaleOf(Unit unit) {
  switch (unit) {
    case Unit::kMicroseconds:
      return 1000;
    case Unit::kMilliseconds:
      return 1'000'000;
    default:
      return 1;
  }
}

bool IsTime(Unit unit) { return unit == Unit::kMicroseconds || unit == Unit::kMilliseconds; }

absl::Status NotA(const Quantity& quantity, absl::string_view text) {
  const UnitText& unit = TextOf(quantity.unit);
  return absl::InvalidArgumentError(absl::StrCat("'", absl::Utf8SafeCHexEscape(text), "' is not ",
                                                 unit.noun, ": ", quantity.name,
                                                 " is compared with one such as ", unit.examples));
}

absl::Status NeedsUnit(const Quantity& quantity, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' needs a unit: ", quantity.name,
                                                 " is compared with ", TextOf(quantity.unit).noun,
                                                 " such as ", TextOf(quantity.unit).examples));
}

// Adds the fraction in the quantity's unit; false when it is not whole or beyond 64 bits.
bool AddExactly(const Decimal& decimal, const Suffix& suffix, Unit unit, uint64_t& sum) {
  const Wide whole = Wide{decimal.digits} * suffix.times;
  const Wide divisor = decimal.power * suffix.per * ScaleOf(unit);
  if (whole % divisor != 0 || whole / divisor > UINT64_MAX - sum) return false;
  sum += static_cast<uint64_t>(whole / divisor);
  return true;
}

}  // namespace

absl::StatusOr<uint64_t> ParseLiteral(const Quantity& quantity, absl::string_view text) {
  uint64_t value = 0;
  if (text == "0") return value;  // zero is the same in every unit
  if (quantity.unit == Unit::kNumber && absl::StartsWith(text, "0x")) {
    if (absl::SimpleHexAtoi(text, &value)) return value;
    return NotA(quantity, text);
  }
  absl::string_view rest = text;
  do {
    Decimal decimal;
    if (!TakeDecimal(rest, decimal)) return NotA(quantity, text);
    const size_t next = IsTime(quantity.unit) ? rest.find_first_of("0123456789") : rest.npos;
    const absl::string_view unit = rest.substr(0, next);
    const Suffix* suffix = FindSuffix(quantity.unit, unit);
    if (suffix == nullptr) {
      return unit.empty() ? NeedsUnit(quantity, text) : NotA(quantity, text);
    }
    if (!AddExactly(decimal, *suffix, quantity.unit, value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", text, "' is out of range: ", quantity.name, " is compared in ",
                       TextOf(quantity.unit).finest, " below 2^64"));
    }
    rest.remove_prefix(unit.size());
  } while (!rest.empty());
  return value;
}

std::string FormatLiteral(const Quantity& quantity, uint64_t value) {
  if (value == 0 || quantity.unit == Unit::kNumber) return absl::StrCat(value);
  if (quantity.unit == Unit::kShare) {
    std::string text = absl::StrFormat("%d.%06d", value / 1'000'000, value % 1'000'000);
    text.erase(text.find_last_not_of('0') + 1);
    return absl::StrCat(absl::StripSuffix(text, "."), "%");
  }
  static constexpr absl::string_view kTimeSuffixes[] = {"d", "h", "m", "s", "ms", "us"};
  static constexpr absl::string_view kByteSuffixes[] = {"TB",  "GB",  "MB",  "kB", "TiB",
                                                        "GiB", "MiB", "KiB", "B"};
  const absl::Span<const absl::string_view> suffixes = IsTime(quantity.unit)
                                                           ? absl::MakeConstSpan(kTimeSuffixes)
                                                           : absl::MakeConstSpan(kByteSuffixes);
  const Wide amount = Wide{value} * ScaleOf(quantity.unit);
  for (const absl::string_view text : suffixes) {
    const uint64_t times = FindSuffix(quantity.unit, text)->times;
    if (amount % times != 0) continue;
    return absl::StrCat(static_cast<uint64_t>(amount / times), text,
                        quantity.unit == Unit::kBytesPerSecond ? "/s" : "");
  }
  return absl::StrCat(value);
}

}  // namespace tcpfleet::filter
