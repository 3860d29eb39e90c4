#pragma once

#include <absl/status/status.h>

#include <string>
#include <vector>

#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::agent {

v1::SysctlChange NewChange(const std::string& key, const std::string& old_value,
                           const std::string& new_value);

// Both values as they compare (common/sysctl/value.h).
v1::SysctlChange CanonicalChange(const v1::SysctlChange& change);

std::vector<std::string> KeysOf(const v1::SysctlChangeSet& set);

// "ok", or what failed: for the log and for people.
std::string ResultOf(const absl::Status& status);

}  // namespace tcpfleet::agent
