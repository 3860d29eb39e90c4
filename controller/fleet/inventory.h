// The hosts of a fleet from a file: our own YAML, or a Prometheus file_sd document (JSON or YAML).
// The format stands in README.md.
//
// Errors: InvalidArgument "FILE:LINE: what, what would be right".
// Bounds: kMostAgents hosts.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "controller/fleet/agent_target.h"

namespace tcpfleet::controller {

struct Inventory {
  std::vector<AgentTarget> hosts;                       // names and addresses are distinct
  std::map<std::string, std::set<std::string>> groups;  // group name to host names
};

// `path` is for messages only.
absl::StatusOr<Inventory> ParseInventory(const std::string& path, absl::string_view content);

absl::StatusOr<Inventory> LoadInventory(const std::string& path);

}  // namespace tcpfleet::controller
