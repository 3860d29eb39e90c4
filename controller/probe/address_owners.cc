#include "controller/probe/address_owners.h"

#include <absl/strings/ascii.h>

#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

bool IsWildcard(const base::IpAddress& address) {
  const std::string text = address.ToString();
  return text == "0.0.0.0" || text == "::";
}

}  // namespace

void AddressOwners::AddAgent(size_t host, const AgentTarget& target) {
  const absl::StatusOr<base::HostPort> called = base::ParseHostPort(target.address, kAgentPort);
  if (!called.ok()) return;  // unix:/path
  const absl::StatusOr<base::IpAddress> address = base::IpAddress::Parse(called->host);
  if (!address.ok()) {
    by_name_[absl::AsciiStrToLower(called->host)].insert(host);
  } else if (!address->IsLoopback()) {  // a tunnel to the agent, or the console's own
    owners_[address->Unmapped()].insert(host);
  }
}

void AddressOwners::AddSnapshot(size_t host, const v1::KernelSnapshot& snapshot) {
  if (snapshot.namespaces().empty()) return;
  const v1::NamespaceStatistics& own = snapshot.namespaces(0);
  places_[host] = {snapshot.boot_id(), own.network_namespace()};
  for (const v1::Listener& listener : own.sockets().listeners()) {
    const absl::StatusOr<base::IpAddress> address = base::IpAddress::Parse(listener.address());
    if (address.ok() && !IsWildcard(*address) && !address->IsLoopback()) {
      owners_[address->Unmapped()].insert(host);
    }
  }
}

void AddressOwners::AddPath(size_t host, const v1::ProbePath& path) {
  const absl::StatusOr<base::IpAddress> address = base::IpAddress::Parse(path.address());
  if (!address.ok()) return;
  for (const v1::ProbeTry& one : path.single_tries()) {
    const absl::StatusOr<base::Endpoint> local = base::ParseEndpoint(one.local());
    if (local.ok() && local->address == *address && !address->IsLoopback()) {
      owners_[address->Unmapped()].insert(host);
    }
  }
}

std::set<size_t> AddressOwners::OwnersOf(const std::string& address, size_t host,
                                         absl::string_view probed_name) const {
  const absl::StatusOr<base::IpAddress> parsed = base::IpAddress::Parse(address);
  if (!parsed.ok()) return {};
  if (parsed->IsLoopback()) return {host};
  auto found = owners_.find(parsed->Unmapped());
  std::set<size_t> candidates;
  if (found != owners_.end()) {
    candidates = found->second;
  } else if (const auto named = by_name_.find(absl::AsciiStrToLower(probed_name));
             named != by_name_.end()) {
    candidates = named->second;
  }
  if (candidates.contains(host)) return {host};
  std::set<size_t> owners;
  std::set<std::pair<std::string, uint64_t>> seen;
  for (const size_t one : candidates) {
    const auto place = places_.find(one);
    if (place == places_.end() || place->second.first.empty() ||
        seen.insert(place->second).second) {
      owners.insert(one);
    }
  }
  return owners;
}

}  // namespace tcpfleet::controller
