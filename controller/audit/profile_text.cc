#include "controller/audit/profile_text.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/base/status_macros.h"
#include "common/sysctl/key.h"
#include "common/sysctl/value.h"
#include "controller/audit/profile.h"
#include "controller/cli/text.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kMostWildcards = 8;

// Source: Documentation/networking/ip-sysctl.rst. The kernel takes fewer numbers and any order.
struct Vector {
  absl::string_view key;
  size_t numbers;
  bool ascends;
};
constexpr Vector kVectors[] = {
    {"net/ipv4/tcp_rmem", 3, true},
    {"net/ipv4/tcp_wmem", 3, true},
    {"net/ipv4/tcp_mem", 3, true},
    {"net/ipv4/udp_mem", 3, true},
    {"net/ipv4/ip_local_port_range", 2, true},
    {"net/ipv4/ping_group_range", 2, false},
};

absl::Status Wrong(absl::string_view what) { return absl::InvalidArgumentError(std::string(what)); }

absl::Status CheckLine(absl::string_view line) {
  if (line.size() > kLongestProfileLine) {
    return Wrong(absl::StrCat("a line of ", line.size(), " bytes, at most ", kLongestProfileLine));
  }
  if (absl::StrContains(line, absl::string_view("\0", 1))) {
    return Wrong("a NUL byte: save the file as UTF-8 text");
  }
  const std::string plain = absl::StrReplaceAll(absl::StripSuffix(line, "\r"), {{"\t", " "}});
  if (Printable(plain) != plain) {
    return Wrong("a control character, or bytes that are no UTF-8");
  }
  return absl::OkStatus();
}

absl::Status CheckNumber(const std::string& key, const std::string& word) {
  absl::string_view digits = word;
  const bool is_negative = absl::ConsumePrefix(&digits, "-");
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit)) {
    return absl::OkStatus();
  }
  if (digits.size() > 1 && digits[0] == '0') {
    return Wrong(absl::StrCat("'", word, "' is octal to the kernel: write it in decimal"));
  }
  uint64_t number = 0;
  if (!absl::SimpleAtoi(digits, &number)) {
    return Wrong(absl::StrCat("'", word, "' does not fit into 64 bits"));
  }
  // Elsewhere -1 is often a value: medium_id, router_solicitations.
  if (is_negative && key != "net/ipv4/tcp_adv_win_scale" &&
      (absl::StartsWith(key, "net/ipv4/tcp_") || absl::StartsWith(key, "net/core/"))) {
    return Wrong(absl::StrCat("'", word, "' is negative, ", sysctl::DottedKey(key), " never is"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckProfileText(const std::string& path, absl::string_view text) {
  const auto wrong = [&](size_t number, absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": ", what));
  };
  if (text.size() > kMostProfileBytes) {
    return wrong(1, absl::StrCat("the file is too long, at most ", kMostProfileBytes, " bytes"));
  }
  if (absl::StartsWith(text, "\xef\xbb\xbf")) {
    return wrong(1, "begins with a byte order mark: save the file as UTF-8 without one");
  }
  if (absl::StartsWith(text, "\xff\xfe") || absl::StartsWith(text, "\xfe\xff")) {
    return wrong(1, "is UTF-16: save the file as UTF-8 text");
  }
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (const absl::Status checked = CheckLine(line); !checked.ok()) {
      return wrong(number, checked.message());
    }
  }
  return absl::OkStatus();
}

absl::Status CheckWildcards(absl::string_view key) {
  const auto wildcards = std::count_if(key.begin(), key.end(),
                                       [](char c) { return c == '*' || c == '?' || c == '['; });
  if (static_cast<size_t>(wildcards) <= kMostWildcards) return absl::OkStatus();
  return Wrong(absl::StrCat("a pattern with ", wildcards, " wildcards, at most ", kMostWildcards));
}

absl::Status CheckWantedValue(const std::string& key, absl::string_view value) {
  const std::vector<std::string> words =
      absl::StrSplit(value, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  for (const std::string& word : words) TF_RETURN_IF_ERROR(CheckNumber(key, word));
  const auto* const vector = std::find_if(std::begin(kVectors), std::end(kVectors),
                                          [&](const Vector& known) { return known.key == key; });
  if (vector == std::end(kVectors)) return absl::OkStatus();
  const auto numbers = sysctl::ParseNumbers(value);
  const std::string name = sysctl::DottedKey(key);
  if (!numbers || numbers->size() != vector->numbers) {
    return Wrong(absl::StrCat(name, " is ", vector->numbers, " numbers, not '", value, "'"));
  }
  if (vector->ascends && !std::is_sorted(numbers->begin(), numbers->end())) {
    return Wrong(absl::StrCat("the numbers of ", name, " ascend, '", value, "' does not"));
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::controller
