#pragma once

#include <absl/types/span.h>

#include <vector>

#include "controller/audit/evaluate.h"
#include "controller/audit/profile.h"
#include "controller/audit/sysctl_readings.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// One host with what it answered.
struct AuditedHost {
  std::string name;
  HostFacts facts;
  const SysctlReading* reading = nullptr;
};

// The keys and patterns a profile asks hosts for.
std::vector<std::string> PatternsOf(const Profile& profile);

// Every rule on every host, hosts of which the same can be said folded. Failures are the caller's.
v1::AuditReport Audit(const Profile& profile, absl::Span<const AuditedHost> hosts);

// Some host is wrong about a rule of at least this severity.
bool IsBroken(const v1::AuditReport& report, Severity least);

}  // namespace tcpfleet::controller
