#include "controller/diagnose/peer_lookups.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "common/sockets/field.h"
#include "controller/diagnose/host_observation.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kForward = "net/ipv4/ip_forward";
constexpr absl::string_view kLastAck = "last_ack_recv_at_ms";
constexpr double kIdleMs = 3'000;  // others are alive

bool IsIdle(const v1::ConnectionRecord& record, int64_t now_ns) {
  const std::optional<uint64_t> last_ms = ValueOf(record, kLastAck);
  return record.state() == "ESTAB" && last_ms &&
         static_cast<double>(now_ns) / 1e6 - static_cast<double>(*last_ms) >= kIdleMs;
}

base::Endpoint Unmapped(const base::Endpoint& end) { return {end.address.Unmapped(), end.port}; }

// Ports with a listener in one namespace, when the host's connections were first sampled.
std::set<uint32_t> ListenerPorts(const v1::HostEvidence& host, uint64_t network_namespace) {
  std::set<uint32_t> ports;
  for (const v1::KernelSnapshot& snapshot : host.snapshots()) {
    for (const v1::NamespaceStatistics& one : snapshot.namespaces()) {
      if (one.network_namespace() != network_namespace) continue;
      for (const v1::Listener& listener : one.sockets().listeners()) ports.insert(listener.port());
    }
  }
  return ports;
}

std::optional<std::string> ForwardsPackets(const v1::HostEvidence& host) {
  for (const v1::Sysctl& one : host.sysctls()) {
    if (one.key() == std::string(kForward) && one.has_value()) return one.value();
  }
  return std::nullopt;
}

}  // namespace

std::optional<PeerLookups::Ends> PeerLookups::EndsOf(const v1::ConnectionRecord& record) {
  const absl::StatusOr<base::Endpoint> local = base::ParseEndpoint(record.local());
  const absl::StatusOr<base::Endpoint> peer = base::ParseEndpoint(record.peer());
  if (!local.ok() || !peer.ok() || peer->address.IsLoopback()) return std::nullopt;
  return Ends(Unmapped(*local), Unmapped(*peer));
}

PeerLookups::PeerLookups(absl::Span<const v1::HostEvidence> hosts) {
  for (const v1::HostEvidence& host : hosts) {
    homes_.emplace_back(host.host().boot_id(), host.host().network_namespace());
    if (!homes_.back().first.empty()) own_[homes_.back()] = homes_.size() - 1;
    if (host.sockets().empty()) continue;
    const v1::SocketSample& sample = *host.sockets().rbegin();
    std::map<uint64_t, std::set<uint32_t>> listening;  // by namespace
    for (const v1::ConnectionRecord& record : sample.connections()) {
      if (!IsIdle(record, sample.monotonic_ns())) continue;
      const std::optional<Ends> ends = EndsOf(record);
      if (!ends) continue;
      const base::IpAddress& address = ends->second.address;
      if (addresses_.size() >= kMostPeerAddresses && !addresses_.contains(address)) continue;
      addresses_.insert(address);
      wanted_.emplace(ends->second, ends->first);
      const uint64_t network_namespace = record.network_namespace();
      const auto [ports, is_new] = listening.try_emplace(network_namespace);
      if (is_new) ports->second = ListenerPorts(host, network_namespace);
      if (!ports->second.contains(ends->first.port)) callers_.insert(ends->first);
    }
  }
}

v1::SnapshotRequest PeerLookups::Request() const {
  v1::SnapshotRequest request;
  for (const base::IpAddress& address : addresses_) {
    const std::string text = address.ToString();
    absl::StrAppend(request.mutable_filter(),
                    request.filter().empty() ? "state connected ( " : " or ",
                    "src = ", address.is_v4() ? text : absl::StrCat("[", text, "]"));
  }
  if (!request.filter().empty()) request.mutable_filter()->append(" )");
  request.add_field_ids(static_cast<uint32_t>(sockets::Field::kState));
  request.set_all_namespaces(true);
  return request;
}

void PeerLookups::Look(size_t host, const AgentSnapshot& snapshot, int64_t now_ns) {
  if (!snapshot.status.ok()) return;
  HostLooks& looks = looks_[host];
  if (looks.looks == 0) looks.first_ns = now_ns;
  ++looks.looks;
  looks.last_ns = now_ns;
  const v1::Completeness& completeness = snapshot.completeness;
  looks.is_whole = looks.is_whole && completeness.dropped() == 0 && completeness.torn() == 0 &&
                   !completeness.gap();
  looks.has_handshakes = looks.has_handshakes || completeness.syn_recv() > 0;
  std::set<Ends> seen;  // several namespaces may have the same
  for (const sockets::ConnectionSample& connection : snapshot.connections) {
    const Ends ends(Unmapped(connection.identity.local), Unmapped(connection.identity.remote));
    const uint64_t network_namespace = connection.identity.network_namespace;
    const auto own = own_.find({homes_[host].first, network_namespace});
    const size_t owner = own == own_.end() ? host : own->second;
    owners_[ends.first.address].insert(owner);
    if (homes_[owner].second != network_namespace) away_.insert(ends.first.address);
    if (seen.insert(ends).second) LookAt(ends);
  }
}

void PeerLookups::LookAt(const Ends& ends) {
  const auto& [there, here] = ends;
  if (wanted_.contains(ends)) {
    ++found_[ends];
    direct_.emplace(there, here.address);
    direct_.emplace(here, there.address);
  } else if (callers_.contains(here)) {
    diverted_.insert(here);
  }
  const auto first = wanted_.lower_bound({there, base::Endpoint()});
  if (first != wanted_.end() && first->first == there) taken_.insert(there);
}

bool PeerLookups::MayBeTranslated(const Ends& ends) const {
  const auto& [here, there] = ends;
  if (diverted_.contains(here)) return true;
  // Nothing that could be the other end is there.
  if (!taken_.contains(there)) return false;
  return !direct_.contains({there, here.address}) && !direct_.contains({here, there.address});
}

std::string PeerLookups::Doubt(const Ends& ends, const v1::HostEvidence& host,
                               const HostLooks& looks) const {
  if (!looks.is_whole) return absl::StrCat(host.name(), " did not list all of its connections");
  if (looks.has_handshakes) {
    return absl::StrCat(host.name(), " has handshakes under way, whose ends are not listed");
  }
  if (away_.contains(ends.second.address)) {
    return absl::StrCat(host.name(),
                        " has the address of the other end in another network namespace "
                        "than its agent");
  }
  const std::optional<std::string> forwards = ForwardsPackets(host);
  if (!forwards) return absl::StrCat("whether ", host.name(), " translates addresses is not known");
  if (*forwards != "0") {
    return absl::StrCat(host.name(), " forwards packets and may translate addresses");
  }
  if (MayBeTranslated(ends)) {
    return absl::StrCat("addresses may be translated on the way to ", host.name(),
                        ": no connection between these was found at both ends");
  }
  return "";
}

v1::PeerLookup PeerLookups::Judge(const v1::ConnectionRecord& record, const Ends& ends,
                                  absl::Span<const v1::HostEvidence> hosts) const {
  v1::PeerLookup lookup;
  lookup.set_cookie(record.cookie());
  lookup.set_network_namespace(record.network_namespace());
  const auto owners = owners_.find(ends.second.address);
  if (owners == owners_.end()) {
    lookup.set_unknown("the other end is no host of the fleet, or behind address translation");
    return lookup;
  }
  if (owners->second.size() > 1) {
    lookup.set_unknown("several hosts have the address of the other end");
    return lookup;
  }
  const size_t peer = *owners->second.begin();
  const auto looked = looks_.find(peer);
  const HostLooks looks = looked == looks_.end() ? HostLooks() : looked->second;
  const auto found = found_.find({ends.second, ends.first});
  lookup.set_peer_host(hosts[peer].name());
  lookup.set_looks(looks.looks);
  lookup.set_found(found == found_.end() ? 0 : std::min(found->second, looks.looks));
  lookup.set_seconds(static_cast<double>(looks.last_ns - looks.first_ns) / 1e9);
  if (lookup.found() == 0) lookup.set_unknown(Doubt(ends, hosts[peer], looks));
  return lookup;
}

void PeerLookups::AddTo(absl::Span<v1::HostEvidence> hosts) const {
  for (v1::HostEvidence& host : hosts) {
    if (host.sockets().empty()) continue;
    std::set<std::string> said;  // of hosts that are not known: once says it of all
    for (const v1::ConnectionRecord& record : host.sockets().rbegin()->connections()) {
      const std::optional<Ends> ends = EndsOf(record);
      if (!ends || !wanted_.contains({ends->second, ends->first})) continue;
      const v1::PeerLookup lookup = Judge(record, *ends, hosts);
      if (!lookup.peer_host().empty() || said.insert(lookup.unknown()).second) {
        *host.add_peer_lookups() = lookup;
      }
    }
  }
}

}  // namespace tcpfleet::controller
