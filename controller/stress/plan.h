// Who does what in a run: which agents serve, which are clients, and the share of each.
//
// Everything here is pure. Shares do not depend on which agents answer: the share of a missing
// agent is missing from the run, it is never moved to others.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <cstddef>
#include <string>
#include <vector>

#include "controller/fleet/agent_target.h"
#include "controller/stress/options.h"

namespace tcpfleet::controller {

struct ServerRole {
  size_t member = 0;         // index into the fleet
  std::string data_address;  // where the clients reach it
};

struct Roles {
  std::vector<ServerRole> servers;
  std::vector<size_t> clients;
};

// Clients are the agents that do not serve; when all serve, every agent is a client too.
// `own_names` is what each agent calls itself, empty where it did not answer: good for --serve too.
// InvalidArgument: an agent that is not in the fleet or not the only one of its name, too few
// connections for the clients, or a data address that some client cannot reach.
absl::StatusOr<Roles> AssignRoles(absl::Span<const AgentTarget> fleet,
                                  absl::Span<const std::string> own_names,
                                  const StressOptions& options);

// One spec per client. Connections add up to those of `fleet_spec` exactly; connection number k of
// the whole fleet goes to target k modulo their number.
std::vector<v1::StressSpec> SplitOverClients(const v1::StressSpec& fleet_spec, size_t clients);

// A server outlives its clients by a little, as far as `max_duration_seconds` of its agent (0: not
// known) lets it; Stop ends it.
v1::StressSpec ServerSpec(const v1::StressSpec& fleet_spec, const Roles& roles,
                          double max_duration_seconds);

}  // namespace tcpfleet::controller
