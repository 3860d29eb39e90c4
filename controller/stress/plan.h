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

// A server that a client loads.
struct Link {
  size_t server = 0;    // index into the servers
  std::string address;  // where this client reaches it
};

struct Roles {
  std::vector<ServerRole> servers;
  std::vector<size_t> clients;
  // Of each client; empty when every client loads all servers.
  std::vector<std::vector<Link>> links;
};

// With --serve, clients are the agents that do not serve; when all serve, every agent is a client
// too.
// `own_names` is what each agent calls itself, empty where it did not answer: good for --serve too.
// InvalidArgument: an agent that is not in the fleet or not the only one of its name, too few
// connections for the clients, or a data address that some client cannot reach.
absl::StatusOr<Roles> AssignRoles(absl::Span<const AgentTarget> fleet,
                                  absl::Span<const std::string> own_names,
                                  const StressOptions& options);

// One spec per client. Connections add up to those of `fleet_spec` exactly, and so do the shares of
// its schedule. Without `links`, connection number k of the whole fleet goes to target k modulo
// their number, weights counted; with them every link has as many connections as the others, and
// `targets` are left for the caller.
std::vector<v1::StressSpec> SplitOverClients(const v1::StressSpec& fleet_spec, size_t clients,
                                             absl::Span<const std::vector<Link>> links = {});

// Who of the clients starts which operations of a schedule: in every round of `stride` each has a
// number in proportion to its weight, evenly spread. Exact where the weights add up to at most
// kMostScheduleStride after division by what they have in common.
inline constexpr uint32_t kMostScheduleStride = 4'096;
std::vector<v1::ScheduleShare> ShareSchedule(absl::Span<const uint32_t> weights);

// A server serves on when its clients have ended, as far as `max_duration_seconds` of its agent (0:
// not known) lets it; Stop ends it.
v1::StressSpec ServerSpec(const v1::StressSpec& fleet_spec, const Roles& roles, size_t server,
                          double max_duration_seconds);

// The most targets an agent tells of by themselves.
inline constexpr size_t kMostPathsPerClient = 256;

}  // namespace tcpfleet::controller
