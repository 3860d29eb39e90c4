#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <stop_token>
#include <string>
#include <vector>

#include "controller/audit/audit.h"
#include "controller/audit/sysctl_readings.h"
#include "controller/fleet/fleet.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

struct HostReadings {
  std::vector<SysctlReading> readings;  // one per member
  std::vector<AuditedHost> hosts;       // those that answered, with pointers to the above
  google::protobuf::RepeatedPtrField<v1::AgentFailure> failures;
};

// Parameters with what configuration files set, and who the hosts are. Hosts whose answer is the
// one in the cache are the same as then, too: a host has another boot id after every boot.
HostReadings ReadHosts(Fleet& fleet, std::vector<std::string> patterns,
                       const std::string& cache_directory, const std::stop_token& stop);

}  // namespace tcpfleet::controller
