// Who serves and who connects.
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>

#include "common/base/ip_address.h"
#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "controller/stress/plan.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kUnixPrefix = "unix:";

bool IsLoopback(const std::string& host) {
  const absl::StatusOr<base::IpAddress> address = base::IpAddress::Parse(host);
  return address.ok() ? address->IsLoopback() : absl::EqualsIgnoreCase(host, "localhost");
}

// Where an agent's host is reached: the host part of its address; a Unix socket is on this host.
std::string HostOf(const AgentTarget& agent) {
  if (absl::StartsWith(agent.address, kUnixPrefix)) return "127.0.0.1";
  const absl::StatusOr<base::HostPort> address = base::ParseHostPort(agent.address, 0);
  return address.ok() ? address->host : agent.address;
}

class RoleAssignment {
 public:
  RoleAssignment(absl::Span<const AgentTarget> fleet, absl::Span<const std::string> own_names,
                 const StressOptions& options)
      : fleet_(fleet), own_names_(own_names), options_(options) {}

  absl::StatusOr<Roles> Assign() {
    TF_RETURN_IF_ERROR(options_.mesh            ? AssignMesh()
                       : options_.pairs.empty() ? AssignServers()
                                                : AssignPairs());
    TF_RETURN_IF_ERROR(CheckConnections());
    return std::move(roles_);
  }

 private:
  absl::Status AssignServers() {
    std::vector<bool> serves(fleet_.size(), false);
    for (const ServeChoice& choice : options_.serve) {
      TF_ASSIGN_OR_RETURN(const size_t member, FindMember("--serve", choice.agent));
      if (serves[member]) {
        return absl::InvalidArgumentError(
            absl::StrCat("--serve: agent '", fleet_[member].name, "' is named twice"));
      }
      serves[member] = true;
      roles_.servers.push_back(
          {member, choice.data_address.empty() ? HostOf(fleet_[member]) : choice.data_address});
    }
    const bool all_serve = roles_.servers.size() == fleet_.size();
    for (size_t i = 0; i < fleet_.size(); ++i) {
      if (all_serve || !serves[i]) roles_.clients.push_back(i);
    }
    for (const ServerRole& server : roles_.servers) {
      for (const size_t client : roles_.clients) {
        TF_RETURN_IF_ERROR(CheckReachable("--serve", client, server.member, server.data_address));
      }
    }
    return absl::OkStatus();
  }

  absl::Status AssignMesh() {
    const size_t agents = fleet_.size();
    if (agents < 2 || agents > kMostPathsPerClient + 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--mesh: a mesh has 2 to ", kMostPathsPerClient + 1, " agents, not ", agents));
    }
    for (size_t i = 0; i < agents; ++i) {
      roles_.servers.push_back({i, HostOf(fleet_[i])});
      roles_.clients.push_back(i);
      // From the next one on: what connections are left over do not all go to the first.
      std::vector<Link>& links = roles_.links.emplace_back();
      for (size_t step = 1; step < agents; ++step) {
        const size_t server = (i + step) % agents;
        links.push_back({server, HostOf(fleet_[server])});
        TF_RETURN_IF_ERROR(CheckReachable("--mesh", i, server, links.back().address));
      }
    }
    return absl::OkStatus();
  }

  absl::Status AssignPairs() {
    std::map<size_t, size_t> server_by_member;
    std::map<size_t, size_t> client_by_member;
    for (const PairChoice& pair : options_.pairs) {
      TF_ASSIGN_OR_RETURN(const size_t client_member, FindMember(pair.where, pair.client));
      TF_ASSIGN_OR_RETURN(const size_t server_member, FindMember(pair.where, pair.server));
      const std::string host = HostOf(fleet_[server_member]);
      const std::string address = pair.data_address.empty() ? host : pair.data_address;
      TF_RETURN_IF_ERROR(CheckReachable(pair.where, client_member, server_member, address));
      const auto [server, new_server] =
          server_by_member.emplace(server_member, roles_.servers.size());
      if (new_server) roles_.servers.push_back({server_member, host});
      const auto [client, new_client] =
          client_by_member.emplace(client_member, roles_.clients.size());
      if (new_client) {
        roles_.clients.push_back(client_member);
        roles_.links.emplace_back();
      }
      std::vector<Link>& links = roles_.links[client->second];
      if (links.size() == kMostPathsPerClient) {
        return absl::InvalidArgumentError(absl::StrCat(pair.where, ": client '", pair.client,
                                                       "' has more than ", kMostPathsPerClient,
                                                       " servers"));
      }
      const bool twice = std::any_of(
          links.begin(), links.end(),
          [number = server->second](const Link& link) { return link.server == number; });
      if (twice) {
        return absl::InvalidArgumentError(absl::StrCat(
            pair.where, ": '", pair.client, " -> ", pair.server, "' comes twice by other names"));
      }
      links.push_back({server->second, address});
    }
    return absl::OkStatus();
  }

  // By the name or address we know it by; else by what it calls itself.
  absl::StatusOr<size_t> FindMember(absl::string_view where, const std::string& wanted) const {
    std::vector<std::string> names(own_names_.begin(), own_names_.end());
    for (size_t i = 0; i < fleet_.size(); ++i) {
      if (fleet_[i].name == wanted || fleet_[i].address == wanted) return i;
      names.push_back(fleet_[i].name);
    }
    const auto found = std::find(own_names_.begin(), own_names_.end(), wanted);
    if (found == own_names_.end()) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": no agent of this fleet is called '",
                                                     wanted, "'", base::DidYouMean(wanted, names)));
    }
    const auto index = static_cast<size_t>(found - own_names_.begin());
    const auto other = std::find(found + 1, own_names_.end(), wanted);
    if (other == own_names_.end()) return index;
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": ", fleet_[index].name, " and ",
                     fleet_[static_cast<size_t>(other - own_names_.begin())].name,
                     " both call themselves '", wanted, "': write one of these instead"));
  }

  absl::Status CheckReachable(absl::string_view where, size_t client, size_t server,
                              const std::string& address) const {
    if (client == server || !IsLoopback(address) || IsLoopback(HostOf(fleet_[client]))) {
      return absl::OkStatus();
    }
    const std::string& name = fleet_[server].name;
    const std::string remedy =
        options_.mesh ? "give the agents by addresses that all others can reach"
        : options_.pairs.empty()
            ? absl::StrCat("say where it can, --serve ", name, "@ADDRESS")
            : absl::StrCat("say where it can, ", fleet_[client].name, " -> ", name, "@ADDRESS");
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": client '", fleet_[client].name, "' (", fleet_[client].address,
                     ") cannot reach '", name, "' at ", address, ", a loopback address: ", remedy));
  }

  absl::Status CheckConnections() const {
    const uint32_t connections = options_.spec.connections();
    size_t paths = 0;
    for (const std::vector<Link>& links : roles_.links) paths += links.size();
    if (connections < paths) {
      return absl::InvalidArgumentError(absl::StrCat("--connections: ", connections,
                                                     " are fewer than the ", paths,
                                                     " paths: each needs at least one"));
    }
    if (connections < roles_.clients.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--connections: ", connections, " cannot be split over ",
                       roles_.clients.size(), " client agents: each needs at least one"));
    }
    return absl::OkStatus();
  }

  const absl::Span<const AgentTarget> fleet_;
  const absl::Span<const std::string> own_names_;
  const StressOptions& options_;
  Roles roles_;
};

}  // namespace

absl::StatusOr<Roles> AssignRoles(absl::Span<const AgentTarget> fleet,
                                  absl::Span<const std::string> own_names,
                                  const StressOptions& options) {
  return RoleAssignment(fleet, own_names, options).Assign();
}

}  // namespace tcpfleet::controller
