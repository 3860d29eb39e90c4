#pragma once

#include <absl/types/span.h>

#include "controller/audit/sysctl_readings.h"
#include "controller/fleet/fleet.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// One entry per key that any host has, its hosts grouped by what they say. Hosts that failed are
// failures and in no group. Persisted answers are part of what is said when they are there.
v1::SysctlReport FoldSysctls(absl::Span<const FleetMember> members,
                             absl::Span<const SysctlReading> readings);

}  // namespace tcpfleet::controller
