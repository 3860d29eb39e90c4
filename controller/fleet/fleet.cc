#include "controller/fleet/fleet.h"

#include <absl/strings/str_cat.h>

#include <utility>

namespace tcpfleet::controller {

absl::StatusOr<std::unique_ptr<Fleet>> Fleet::Open(FleetOptions options) {
  if (options.agents.empty()) return absl::InvalidArgumentError("no agents to call");
  if (options.agents.size() > kMostAgents) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMostAgents, " agents"));
  }
  std::vector<FleetMember> members;
  for (AgentTarget& target : options.agents) {
    absl::StatusOr<std::unique_ptr<AgentClient>> client =
        NewGrpcAgentClient(target.address, options.tls);
    if (!client.ok()) return client.status();
    members.push_back({std::move(target), *std::move(client)});
  }
  return std::make_unique<Fleet>(std::move(members), std::move(options));
}

Fleet::Fleet(std::vector<FleetMember> members, FleetOptions options)
    : options_(std::move(options)), members_(std::move(members)) {}

}  // namespace tcpfleet::controller
