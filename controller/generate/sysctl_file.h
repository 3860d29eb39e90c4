// A sysctl.d file from a profile, for hosts whose values are known. Pure.
#pragma once

#include <absl/types/span.h>

#include <string>

#include "controller/audit/audit.h"
#include "controller/audit/profile.h"

namespace tcpfleet::controller {

// One line per rule: what sets it right on every host, or, as a comment, why nothing is set: it is
// right everywhere, no host has it, or it would lower a host that has more.
std::string SysctlFile(const Profile& profile, absl::Span<const AuditedHost> hosts);

}  // namespace tcpfleet::controller
