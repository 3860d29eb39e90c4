#include "agent/kernel/netstat.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"

namespace tcpfleet::agent {
namespace {

constexpr std::array<absl::string_view, 5> kNoCounters = {"RtoAlgorithm", "RtoMin", "RtoMax",
                                                          "MaxConn", "CurrEstab"};
constexpr std::array<absl::string_view, 8> kDiscards = {
    "Ip.InHdrErrors", "Ip.InAddrErrors",  "Ip.InDiscards",         "Ip.OutDiscards",
    "Ip.OutNoRoutes", "IpExt.InNoRoutes", "IpExt.InTruncatedPkts", "IpExt.InCsumErrors"};

template <class Names>
bool IsOneOf(const Names& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The name a counter is kept under, or nothing when it is not kept.
std::optional<std::string> NameOf(absl::string_view table, absl::string_view column) {
  if (table == "Tcp" || table == "TcpExt") {
    if (IsOneOf(kNoCounters, column)) return std::nullopt;
    return std::string(column);
  }
  std::string name = absl::StrCat(table, ".", column);
  if (!IsOneOf(kDiscards, name)) return std::nullopt;
  return name;
}

absl::Status ParseTable(absl::string_view names_line, absl::string_view values_line,
                        NetCounters& counters) {
  const std::vector<absl::string_view> names = absl::StrSplit(names_line, ' ', absl::SkipEmpty());
  const std::vector<absl::string_view> values = absl::StrSplit(values_line, ' ', absl::SkipEmpty());
  if (names.empty() || values.size() != names.size() || names[0] != values[0] ||
      !absl::EndsWith(names[0], ":")) {
    return absl::DataLossError(absl::StrCat("a line of names and one of their values do not fit: '",
                                            names_line.substr(0, 40), "', '",
                                            values_line.substr(0, 40), "'"));
  }
  const absl::string_view table = names[0].substr(0, names[0].size() - 1);
  for (size_t i = 1; i < names.size(); ++i) {
    std::optional<std::string> name = NameOf(table, names[i]);
    if (!name) continue;
    uint64_t value = 0;
    if (!absl::SimpleAtoi(values[i], &value)) {
      return absl::DataLossError(absl::StrCat(*name, " is '", values[i], "', not a count"));
    }
    counters.values.insert_or_assign(*std::move(name), value);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseNetCounters(absl::string_view text, NetCounters& counters) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  if (lines.size() % 2 != 0) return absl::DataLossError("a line of names has no values");
  for (size_t i = 0; i < lines.size(); i += 2) {
    TF_RETURN_IF_ERROR(ParseTable(lines[i], lines[i + 1], counters));
  }
  return absl::OkStatus();
}

absl::StatusOr<NetCounters> ReadNetCounters(const std::string& directory) {
  NetCounters counters;
  counters.read_at_ns = base::MonotonicNowNs();
  for (const char* name : {"/netstat", "/snmp"}) {
    const std::string path = directory + name;
    TF_ASSIGN_OR_RETURN(const std::string text, sys::ReadFile(path));
    TF_RETURN_IF_ERROR(base::WithContext(path, ParseNetCounters(text, counters)));
  }
  return counters;
}

v1::KernelCounterChanges ChangesBetween(const NetCounters& before, const NetCounters& after) {
  v1::KernelCounterChanges changes;
  changes.set_begin_ns(before.read_at_ns);
  changes.set_end_ns(after.read_at_ns);
  for (const auto& [name, value] : after.values) {
    const auto earlier = before.values.find(name);
    if (earlier == before.values.end() || earlier->second == value) continue;
    (*changes.mutable_changes())[name] = static_cast<int64_t>(value - earlier->second);
  }
  return changes;
}

}  // namespace tcpfleet::agent
