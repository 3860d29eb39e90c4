#include "controller/stress/plan.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "common/base/ip_address.h"
#include "common/base/status_macros.h"
#include "common/base/suggest.h"

namespace tcpfleet::controller {
namespace {

constexpr uint64_t kServerOutlivesMs = 5'000;
constexpr absl::string_view kUnixPrefix = "unix:";

bool IsLoopback(const std::string& host) {
  static const auto& loopback_v4 = *new base::IpNetwork(*base::IpNetwork::Parse("127.0.0.0/8"));
  static const auto& loopback_v6 = *new base::IpNetwork(*base::IpNetwork::Parse("::1/128"));
  const absl::StatusOr<base::IpAddress> address = base::IpAddress::Parse(host);
  if (!address.ok()) return host == "localhost";
  return loopback_v4.Contains(*address) || loopback_v6.Contains(*address);
}

// Where an agent's host is reached: the host part of its address; a Unix socket is on this host.
std::string HostOf(const AgentTarget& agent) {
  if (absl::StartsWith(agent.address, kUnixPrefix)) return "127.0.0.1";
  const absl::StatusOr<base::HostPort> address = base::ParseHostPort(agent.address, 0);
  return address.ok() ? address->host : agent.address;
}

// By the name or address we know it by; else by what it calls itself.
absl::StatusOr<size_t> FindMember(absl::Span<const AgentTarget> fleet,
                                  absl::Span<const std::string> own_names,
                                  const std::string& wanted) {
  std::vector<std::string> names(own_names.begin(), own_names.end());
  for (size_t i = 0; i < fleet.size(); ++i) {
    if (fleet[i].name == wanted || fleet[i].address == wanted) return i;
    names.push_back(fleet[i].name);
  }
  const auto found = std::find(own_names.begin(), own_names.end(), wanted);
  if (found == own_names.end()) {
    return absl::InvalidArgumentError(absl::StrCat("--serve: no agent of this fleet is called '",
                                                   wanted, "'", base::DidYouMean(wanted, names)));
  }
  const auto index = static_cast<size_t>(found - own_names.begin());
  const auto other = std::find(found + 1, own_names.end(), wanted);
  if (other == own_names.end()) return index;
  return absl::InvalidArgumentError(
      absl::StrCat("--serve: ", fleet[index].name, " and ",
                   fleet[static_cast<size_t>(other - own_names.begin())].name,
                   " both call themselves '", wanted, "': write one of these instead"));
}

absl::Status CheckReachable(absl::Span<const AgentTarget> fleet, const Roles& roles) {
  for (const ServerRole& server : roles.servers) {
    if (!IsLoopback(server.data_address)) continue;
    for (const size_t client : roles.clients) {
      if (client == server.member || IsLoopback(HostOf(fleet[client]))) continue;
      const std::string& name = fleet[server.member].name;
      return absl::InvalidArgumentError(
          absl::StrCat("--serve: client '", fleet[client].name, "' (", fleet[client].address,
                       ") cannot reach '", name, "' at ", server.data_address,
                       ", a loopback address: say where it can, --serve ", name, "@ADDRESS"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Roles> AssignRoles(absl::Span<const AgentTarget> fleet,
                                  absl::Span<const std::string> own_names,
                                  const StressOptions& options) {
  Roles roles;
  std::vector<bool> serves(fleet.size(), false);
  for (const ServeChoice& choice : options.serve) {
    TF_ASSIGN_OR_RETURN(const size_t member, FindMember(fleet, own_names, choice.agent));
    if (serves[member]) {
      return absl::InvalidArgumentError(
          absl::StrCat("--serve: agent '", fleet[member].name, "' is named twice"));
    }
    serves[member] = true;
    roles.servers.push_back(
        {member, choice.data_address.empty() ? HostOf(fleet[member]) : choice.data_address});
  }
  const bool all_serve = roles.servers.size() == fleet.size();
  for (size_t i = 0; i < fleet.size(); ++i) {
    if (all_serve || !serves[i]) roles.clients.push_back(i);
  }
  if (options.spec.connections() < roles.clients.size()) {
    return absl::InvalidArgumentError(absl::StrCat("--connections: ", options.spec.connections(),
                                                   " cannot be split over ", roles.clients.size(),
                                                   " client agents: each needs at least one"));
  }
  TF_RETURN_IF_ERROR(CheckReachable(fleet, roles));
  return roles;
}

std::vector<v1::StressSpec> SplitOverClients(const v1::StressSpec& fleet_spec, size_t clients) {
  std::vector<v1::StressSpec> specs;
  const uint64_t total = fleet_spec.connections();
  const int targets = fleet_spec.targets_size();
  uint64_t dealt = 0;
  for (size_t i = 0; i < clients; ++i) {
    v1::StressSpec& spec = specs.emplace_back(fleet_spec);
    const uint64_t end = total * (i + 1) / clients;
    spec.set_role(v1::StressSpec::ROLE_CLIENT);
    spec.set_connections(static_cast<uint32_t>(end - dealt));
    spec.set_rate_per_second(fleet_spec.rate_per_second() / static_cast<double>(clients));
    if (targets > 1) {
      const auto first = static_cast<int>(dealt % static_cast<uint64_t>(targets));
      std::rotate(spec.mutable_targets()->begin(), spec.mutable_targets()->begin() + first,
                  spec.mutable_targets()->end());
    }
    dealt = end;
  }
  return specs;
}

v1::StressSpec ServerSpec(const v1::StressSpec& fleet_spec, const Roles& roles,
                          double max_duration_seconds) {
  v1::StressSpec spec = fleet_spec;
  spec.set_role(v1::StressSpec::ROLE_SERVER);
  spec.clear_targets();
  spec.set_rate_per_second(0);
  // Every client deals to the servers in turn on its own, so each may bring one more than the mean.
  const uint64_t servers = roles.servers.size();
  const uint64_t mean = (fleet_spec.connections() + servers - 1) / servers;
  spec.set_connections(static_cast<uint32_t>(
      std::min<uint64_t>(fleet_spec.connections(), mean + roles.clients.size())));
  uint64_t outlives_ms = kServerOutlivesMs;
  if (max_duration_seconds > 0 && max_duration_seconds < 1e9) {
    const auto limit_ms = static_cast<uint64_t>(max_duration_seconds * 1e3);
    const uint64_t run_ms = fleet_spec.warmup_ms() + fleet_spec.duration_ms();
    outlives_ms = std::min(outlives_ms, limit_ms - std::min(limit_ms, run_ms));
  }
  spec.set_duration_ms(fleet_spec.duration_ms() + outlives_ms);
  return spec;
}

}  // namespace tcpfleet::controller
