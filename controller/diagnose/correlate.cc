#include "controller/diagnose/correlate.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/base/ip_address.h"
#include "controller/diagnose/rule.h"

namespace tcpfleet::controller {
namespace {

using Addresses = std::set<base::IpAddress>;

void AddAddressOf(const std::string& endpoint, Addresses& addresses) {
  const absl::StatusOr<base::Endpoint> end = base::ParseEndpoint(endpoint);
  if (end.ok()) addresses.insert(end->address.Unmapped());
}

// Host to addresses it is known to have.
std::map<std::string, Addresses> AddressesOfHosts(const v1::EvidenceBundle& bundle) {
  std::map<std::string, Addresses> addresses;
  for (const v1::HostEvidence& host : bundle.hosts()) {
    AddAddressOf(host.address(), addresses[host.name()]);
    for (const v1::SocketSample& sample : host.sockets()) {
      for (const v1::ConnectionRecord& record : sample.connections()) {
        AddAddressOf(record.local(), addresses[host.name()]);
      }
    }
  }
  return addresses;
}

// Of the listener "0.0.0.0:80 nginx[812]".
std::optional<base::Endpoint> ListenerOf(const v1::Finding& finding) {
  const absl::StatusOr<base::Endpoint> end =
      base::ParseEndpoint(finding.subject().substr(0, finding.subject().find(' ')));
  if (!end.ok()) return std::nullopt;
  return *end;
}

bool DropsSyns(const v1::Finding& finding) {
  return finding.rule() == "accept-queue-overflow" || finding.rule() == "syn-queue-drop";
}

// The finding of the listener that a client's connects go to; null when none is known.
const v1::Finding* ListenerBehind(const v1::Finding& client,
                                  const std::vector<v1::Finding>& findings,
                                  const std::map<std::string, Addresses>& addresses) {
  if (client.sockets().empty()) return nullptr;
  const absl::StatusOr<base::Endpoint> peer =
      base::ParseEndpoint(client.sockets(0).connection().peer());
  if (!peer.ok()) return nullptr;
  for (const v1::Finding& finding : findings) {
    const auto host = addresses.find(finding.hosts(0));
    const std::optional<base::Endpoint> listener = ListenerOf(finding);
    if (DropsSyns(finding) && listener && listener->port == peer->port && host != addresses.end() &&
        host->second.contains(peer->address.Unmapped())) {
      return &finding;
    }
  }
  return nullptr;
}

void ExplainTimeouts(const v1::EvidenceBundle& bundle, std::vector<v1::Finding>& findings) {
  const std::map<std::string, Addresses> addresses = AddressesOfHosts(bundle);
  for (v1::Finding& finding : findings) {
    if (finding.rule() != "connect-timeout") continue;
    const v1::Finding* const behind = ListenerBehind(finding, findings, addresses);
    if (behind == nullptr) continue;
    finding.set_cause(absl::StrCat(behind->hosts(0), " drops SYNs to ", behind->subject(), " (",
                                   behind->rule(), ")"));
    finding.clear_fixes();
    finding.add_fixes(absl::StrCat("repair ", behind->hosts(0), ": see its own finding"));
  }
}

// The first `length` bits, a multiple of 8.
base::IpAddress FirstBits(const base::IpAddress& address, int length) {
  std::vector<uint8_t> bytes(address.bytes().begin(), address.bytes().end());
  std::fill(bytes.begin() + length / 8, bytes.end(), uint8_t{0});
  return *base::IpAddress::FromBytes(bytes);
}

// The smallest of the usual networks that holds all of them; nothing when they have none in common.
std::optional<std::string> CommonNetwork(const Addresses& addresses) {
  const base::IpAddress& first = *addresses.begin();
  constexpr std::array kV4 = {32, 24, 16, 8};
  constexpr std::array kV6 = {128, 64, 48, 32};
  for (const int length : first.is_v4() ? kV4 : kV6) {
    const absl::StatusOr<base::IpNetwork> network =
        base::IpNetwork::Parse(absl::StrCat(FirstBits(first, length).ToString(), "/", length));
    if (network.ok() && std::all_of(addresses.begin(), addresses.end(), [&](const auto& address) {
          return network->Contains(address);
        })) {
      return network->ToString();
    }
  }
  return std::nullopt;
}

struct Symptom {
  std::set<std::string> hosts;
  Addresses peers;
  const v1::Finding* worst = nullptr;
  bool is_of_peers = true;  // every finding names peers
};

v1::Finding OfSubnet(const Symptom& symptom, const std::string& network, int hosts) {
  v1::Finding finding;
  finding.set_rule(symptom.worst->rule());
  finding.set_severity(symptom.worst->severity());
  finding.set_subject(absl::StrCat("towards ", network));
  finding.set_title(absl::StrCat(symptom.hosts.size(), " of ", hosts, " hosts only towards ",
                                 network, ": ", symptom.worst->title()));
  finding.mutable_hosts()->Add(symptom.hosts.begin(), symptom.hosts.end());
  finding.set_cause(absl::StrCat("what these hosts have in common is the way to ", network,
                                 ", or the hosts there"));
  *finding.mutable_fixes() = symptom.worst->fixes();
  finding.set_confidence("high");
  return finding;
}

}  // namespace

void Correlate(const v1::EvidenceBundle& bundle, std::vector<v1::Finding>& findings) {
  ExplainTimeouts(bundle, findings);
  std::map<std::string, Symptom> symptoms;  // by rule
  for (const v1::Finding& finding : findings) {
    Symptom& symptom = symptoms[finding.rule()];
    symptom.hosts.insert(finding.hosts().begin(), finding.hosts().end());
    symptom.is_of_peers = symptom.is_of_peers && !finding.sockets().empty();
    for (const v1::ProvingSocket& socket : finding.sockets()) {
      AddAddressOf(socket.connection().peer(), symptom.peers);
    }
    const auto severity = ParseFindingSeverity(finding.severity());
    if (symptom.worst == nullptr ||
        (severity.ok() && *severity > *ParseFindingSeverity(symptom.worst->severity()))) {
      symptom.worst = &finding;
    }
  }
  std::vector<v1::Finding> of_subnets;
  for (const auto& [rule, symptom] : symptoms) {
    if (symptom.hosts.size() < kLeastHostsOfASubnet || !symptom.is_of_peers ||
        symptom.peers.empty()) {
      continue;
    }
    const std::optional<std::string> network = CommonNetwork(symptom.peers);
    if (network) of_subnets.push_back(OfSubnet(symptom, *network, bundle.hosts_size()));
  }
  findings.insert(findings.begin(), of_subnets.begin(), of_subnets.end());
}

}  // namespace tcpfleet::controller
