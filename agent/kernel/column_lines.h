#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/strings/string_view.h>

namespace tcpfleet::agent {

using TakeColumn = absl::FunctionRef<absl::Status(absl::string_view table, absl::string_view column,
                                                  absl::string_view value)>;

// Reads pairs of lines "Table: words", the second with a value for every name of the first, and
// stops at the first error of `take`. DataLoss when the text is anything else. Source:
// /proc/net/snmp and /proc/net/netstat.
absl::Status ForEachColumn(absl::string_view text, TakeColumn take);

}  // namespace tcpfleet::agent
