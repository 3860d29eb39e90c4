#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <ostream>
#include <vector>

#include "controller/cli/global_options.h"
#include "controller/fleet/agent_target.h"
#include "controller/fleet/fleet.h"

namespace tcpfleet::controller {

// The agents that --agents or --inventory and --select name. InvalidArgument names the option or
// the file. Not for the local agent.
absl::StatusOr<std::vector<AgentTarget>> ChosenAgents(const GlobalOptions& options);

// Starts the private agent when the options name no agents. Says on `err` what it does when
// options.verbose.
absl::StatusOr<std::unique_ptr<Fleet>> OpenFleet(const GlobalOptions& options, std::ostream& err);

}  // namespace tcpfleet::controller
