#include "agent/kernel/net_tables.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <array>

#include "agent/kernel/column_lines.h"
#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

constexpr std::array<absl::string_view, 6> kTables = {"Tcp",   "TcpExt", "Ip",
                                                      "IpExt", "Icmp",   "Udp"};
constexpr std::array<absl::string_view, 3> kTables6 = {"Ip6", "Icmp6", "Udp6"};
constexpr std::array<absl::string_view, 7> kLevels = {
    "Tcp.RtoAlgorithm", "Tcp.RtoMin",    "Tcp.RtoMax",   "Tcp.MaxConn",
    "Tcp.CurrEstab",    "Ip.Forwarding", "Ip.DefaultTTL"};

template <class Names>
bool IsOneOf(const Names& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <class Value>
absl::Status Add(std::string name, absl::string_view text,
                 std::vector<std::pair<std::string, Value>>& to) {
  Value value = 0;
  if (!absl::SimpleAtoi(text, &value)) {
    return absl::DataLossError(absl::StrCat(name, " is '", text.substr(0, 40), "', not a number"));
  }
  to.emplace_back(std::move(name), value);
  return absl::OkStatus();
}

std::vector<absl::string_view> WordsOf(absl::string_view line) {
  return absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
}

absl::Status NotUnderstood(absl::string_view line) {
  return absl::DataLossError(absl::StrCat("'", line.substr(0, 40), "' is not understood"));
}

}  // namespace

absl::StatusOr<NetTables> ParseColumnTables(absl::string_view text) {
  NetTables tables;
  const auto take = [&](absl::string_view table, absl::string_view column,
                        absl::string_view value) {
    if (!IsOneOf(kTables, table)) return absl::OkStatus();
    std::string name = absl::StrCat(table, ".", column);
    return IsOneOf(kLevels, name) ? Add(std::move(name), value, tables.levels)
                                  : Add(std::move(name), value, tables.counters);
  };
  TF_RETURN_IF_ERROR(ForEachColumn(text, take));
  return tables;
}

absl::StatusOr<NetTables> ParseSnmp6(absl::string_view text) {
  NetTables tables;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> words = WordsOf(line);
    if (words.size() != 2) return NotUnderstood(line);
    for (const absl::string_view table : kTables6) {
      absl::string_view column = words[0];
      if (!absl::ConsumePrefix(&column, table)) continue;
      TF_RETURN_IF_ERROR(Add(absl::StrCat(table, ".", column), words[1], tables.counters));
    }
  }
  return tables;
}

absl::StatusOr<NetTables> ParseSockstat(absl::string_view text) {
  NetTables tables;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> words = WordsOf(line);
    absl::string_view table = words.empty() ? "" : words[0];
    if (words.size() % 2 == 0 || !absl::ConsumeSuffix(&table, ":")) return NotUnderstood(line);
    for (size_t i = 1; i < words.size(); i += 2) {
      TF_RETURN_IF_ERROR(Add(absl::StrCat(table, ".", words[i]), words[i + 1], tables.levels));
    }
  }
  return tables;
}

}  // namespace tcpfleet::agent
