// What counters of /proc/net/netstat and /proc/net/snmp mean for a load test.
#pragma once

#include <absl/strings/string_view.h>

#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::controller {

// One line: what happened and, where there is one, the setting that changes it. Empty for counters
// that say nothing in this run. `name` may have its table in front: "TcpExt.ListenDrops".
absl::string_view KernelCounterNote(absl::string_view name, const v1::StressSpec& spec);

}  // namespace tcpfleet::controller
