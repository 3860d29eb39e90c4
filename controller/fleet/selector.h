#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <vector>

#include "controller/fleet/agent_target.h"
#include "controller/fleet/inventory.h"

namespace tcpfleet::controller {

// Hosts that match every term of `selection`: "role=web,dc!=fra,name=web*,group=frontends". A term
// compares a label, the name or a group with a value; '*' stands for any text. A label that a host
// does not have is equal to nothing.
//
// InvalidArgument for a malformed term, a label or group that nobody has (with a suggestion), and
// when no host matches.
absl::StatusOr<std::vector<AgentTarget>> SelectHosts(const Inventory& inventory,
                                                     absl::string_view selection);

}  // namespace tcpfleet::controller
