// What rules, sysctls, counters, fields and error messages mean.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <ostream>

#include "tcpfleet/v1/diagnosis.pb.h"

namespace tcpfleet::controller {

// `what` is the number or id of a rule, a sysctl (dotted or by path), a counter ("ListenOverflows",
// "TcpExt.ListenOverflows", "TcpExtListenOverflows"), a field of a connection, an error as programs
// print it ("Cannot assign requested address"), or "rules": all of them. InvalidArgument when it is
// nothing of that, with what is nearest.
absl::StatusOr<v1::ExplainReport> Explain(absl::string_view what);

void PrintExplanation(std::ostream& out, const v1::ExplainReport& report, bool color);

}  // namespace tcpfleet::controller
