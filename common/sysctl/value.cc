#include "common/sysctl/value.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <bitset>
#include <cerrno>
#include <cstdlib>

namespace tcpfleet::sysctl {
namespace {

constexpr size_t kPorts = 65'536;

std::vector<std::string> Words(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar(" \t\n\r\v\f"), absl::SkipEmpty());
}

std::optional<int64_t> ParseNumber(const std::string& word) {
  const size_t digits = word[0] == '-' ? 1 : 0;
  if (word.size() == digits || word[digits] < '0' || word[digits] > '9') return std::nullopt;
  char* end = nullptr;
  errno = 0;
  const long long number = std::strtoll(word.c_str(), &end, 0);
  if (errno != 0 || *end != '\0') return std::nullopt;
  return number;
}

}  // namespace

std::string FoldBlanks(absl::string_view text) { return absl::StrJoin(Words(text), " "); }

std::optional<std::vector<int64_t>> ParseNumbers(absl::string_view text) {
  std::vector<int64_t> numbers;
  for (const std::string& word : Words(text)) {
    const std::optional<int64_t> number = ParseNumber(word);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  if (numbers.empty()) return std::nullopt;
  return numbers;
}

absl::StatusOr<std::string> CanonicalRanges(absl::string_view text) {
  std::bitset<kPorts> ports;
  for (const absl::string_view part :
       absl::StrSplit(text, absl::ByAnyChar(", \t\n"), absl::SkipEmpty())) {
    const std::pair<std::string, std::string> ends = absl::StrSplit(part, absl::MaxSplits('-', 1));
    uint32_t low = 0;
    uint32_t high = 0;
    const bool is_range = absl::StrContains(part, "-");
    if (!absl::SimpleAtoi(ends.first, &low) ||
        !absl::SimpleAtoi(is_range ? ends.second : ends.first, &high) || low > high ||
        high >= kPorts) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", part, "' is neither a number nor a range such as 8000-8100"));
    }
    for (uint32_t port = low; port <= high; ++port) ports.set(port);
  }
  std::vector<std::string> ranges;
  for (size_t low = 0; low < kPorts; ++low) {
    if (!ports.test(low)) continue;
    size_t high = low;
    while (high + 1 < kPorts && ports.test(high + 1)) ++high;
    ranges.push_back(low == high ? absl::StrCat(low) : absl::StrCat(low, "-", high));
    low = high;
  }
  return absl::StrJoin(ranges, ",");
}

bool IsRangeList(absl::string_view key) { return absl::EndsWith(key, "/ip_local_reserved_ports"); }

std::string Canonical(absl::string_view key, absl::string_view text) {
  if (IsRangeList(key)) {
    if (absl::StatusOr<std::string> ranges = CanonicalRanges(text); ranges.ok()) return *ranges;
  }
  if (const auto numbers = ParseNumbers(text)) return absl::StrJoin(*numbers, " ");
  return FoldBlanks(text);
}

}  // namespace tcpfleet::sysctl
