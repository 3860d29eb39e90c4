// Parameters in which hosts differ: from each other, or from what they were.
#pragma once

#include <absl/types/span.h>

#include <string>
#include <vector>

#include "controller/audit/audit.h"
#include "controller/audit/saved_readings.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// What is asked for when nothing is named.
std::vector<std::string> DriftPatterns();

// From each other. What most say is the reference; where no value is ahead there is none. A
// parameter that every interface has is one for all of them: an interface is expected to say what
// its namesakes on most other hosts do, else what most interfaces do. Failures are the caller's.
v1::DriftReport FindDrift(absl::Span<const AuditedHost> hosts);

struct Baseline {
  std::string path;
  absl::Time time;
  // What was asked for; empty: not known, and parameters it does not have say nothing.
  std::vector<std::string> patterns;
  std::vector<SavedHost> hosts;
};

// From themselves at the time of the baseline. `patterns` is what was asked for now.
v1::DriftReport FindChanges(absl::Span<const AuditedHost> hosts, const Baseline& baseline,
                            absl::Span<const std::string> patterns);

}  // namespace tcpfleet::controller
