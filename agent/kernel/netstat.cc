#include "agent/kernel/netstat.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "agent/kernel/column_lines.h"
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

}  // namespace

absl::Status ParseNetCounters(absl::string_view text, NetCounters& counters) {
  const auto take = [&](absl::string_view table, absl::string_view column,
                        absl::string_view text_of_value) {
    std::optional<std::string> name = NameOf(table, column);
    if (!name) return absl::OkStatus();
    uint64_t value = 0;
    if (!absl::SimpleAtoi(text_of_value, &value)) {
      return absl::DataLossError(absl::StrCat(*name, " is '", text_of_value, "', not a count"));
    }
    counters.values.insert_or_assign(*std::move(name), value);
    return absl::OkStatus();
  };
  return ForEachColumn(text, take);
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
