// What hosts answered, as a message that is kept.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <string>
#include <vector>

#include "controller/audit/sysctl_readings.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

struct SavedHost {
  std::string agent;  // its name
  std::string address;
  SysctlReading reading;  // its facts without labels and modules
};

// What several hosts say is in there once. Hosts that failed are left out.
v1::DriftBaseline PackReadings(absl::Span<const SavedHost> hosts);

// InvalidArgument: a host that has no name or comes twice, positions that are none, keys that are
// none or not in their order.
absl::StatusOr<std::vector<SavedHost>> UnpackReadings(const v1::DriftBaseline& packed);

}  // namespace tcpfleet::controller
