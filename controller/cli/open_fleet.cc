#include "controller/cli/open_fleet.h"

#include <absl/strings/str_cat.h>

#include <string>
#include <utility>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/observe/log.h"
#include "common/rpc/grpc_log.h"
#include "controller/fleet/host_list.h"
#include "controller/fleet/inventory.h"
#include "controller/fleet/local_agent.h"
#include "controller/fleet/selector.h"

namespace tcpfleet::controller {
namespace {

absl::Status StartLocalAgent(std::ostream& err, bool verbose, FleetOptions& fleet) {
  const std::string program = FindAgentProgram();
  if (verbose) err << "tcpfleet: starting the private agent " << program << '\n';
  TF_ASSIGN_OR_RETURN(fleet.local_agent, LocalAgent::Start(program));
  fleet.agents = {fleet.local_agent->target()};
  return absl::OkStatus();
}

std::string Listed(const std::vector<AgentTarget>& agents) {
  std::vector<std::string> names;
  for (const AgentTarget& agent : agents) names.push_back(agent.name);
  return FoldNames(names);
}

}  // namespace

absl::StatusOr<std::vector<AgentTarget>> ChosenAgents(const GlobalOptions& options) {
  Inventory inventory;
  if (options.inventory.empty()) {
    absl::StatusOr<std::vector<AgentTarget>> listed = ParseAgentList(options.agents);
    if (!listed.ok()) return base::WithContext("--agents", listed.status());
    inventory.hosts = *std::move(listed);
  } else {
    TF_ASSIGN_OR_RETURN(inventory, LoadInventory(options.inventory));
  }
  if (options.select.empty()) return std::move(inventory.hosts);
  absl::StatusOr<std::vector<AgentTarget>> selected = SelectHosts(inventory, options.select);
  if (!selected.ok()) return base::WithContext("--select", selected.status());
  return selected;
}

absl::StatusOr<std::unique_ptr<Fleet>> OpenFleet(const GlobalOptions& options, std::ostream& err) {
  TF_RETURN_IF_ERROR(observe::SetUpLogging({.level = options.verbose ? "warn" : "error"}));
  rpc::RouteGrpcLog();
  FleetOptions fleet;
  fleet.tls = options.tls;
  fleet.timeout = options.timeout;
  fleet.parallel = options.parallel;
  if (options.agents.empty() && options.inventory.empty()) {
    if (!options.select.empty()) {
      return absl::InvalidArgumentError("--select chooses from --inventory or --agents: name one");
    }
    TF_RETURN_IF_ERROR(StartLocalAgent(err, options.verbose, fleet));
  } else {
    TF_ASSIGN_OR_RETURN(fleet.agents, ChosenAgents(options));
  }
  if (options.verbose) err << "tcpfleet: calling " << Listed(fleet.agents) << '\n';
  return Fleet::Open(std::move(fleet));
}

}  // namespace tcpfleet::controller
