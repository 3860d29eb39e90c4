#include "controller/stress/client_parts.h"

#include <map>
#include <utility>

#include "common/base/ip_address.h"

namespace tcpfleet::controller {
namespace {

v1::Target MakeTarget(const std::string& host, uint32_t port) {
  v1::Target target;
  target.set_host(host);
  target.set_port(port);
  return target;
}

using AgentNames = std::map<std::pair<std::string, uint32_t>, std::string>;

std::vector<std::string> PathNames(const v1::StressSpec& spec, const AgentNames& agents) {
  std::vector<std::string> names;
  for (int i = 0; spec.per_target() && i < spec.targets_size(); ++i) {
    const v1::Target& target = spec.targets(i);
    const auto agent = agents.find({target.host(), target.port()});
    const base::HostPort address{target.host(), static_cast<uint16_t>(target.port())};
    names.push_back(agent != agents.end() ? agent->second : address.ToString());
  }
  return names;
}

}  // namespace

std::vector<ClientPart> ClientParts(const RunInput& input, absl::Span<const uint32_t> ports) {
  v1::StressSpec spec = input.spec;
  AgentNames names;
  for (size_t i = 0; i < input.servers.size() && input.links.empty(); ++i) {
    const RunSeat& server = input.servers[i];
    names[{server.data_address, ports[i]}] = server.target.name;
    *spec.add_targets() = MakeTarget(server.data_address, ports[i]);
  }
  std::vector<ClientPart> parts;
  for (v1::StressSpec& share : SplitOverClients(spec, input.shares, input.links)) {
    ClientPart& part = parts.emplace_back();
    part.spec = std::move(share);
    part.path_names = PathNames(part.spec, names);
    if (input.links.empty()) continue;
    for (const Link& link : input.links[parts.size() - 1]) {
      *part.spec.add_targets() = MakeTarget(link.address, ports[link.server]);
      if (part.spec.per_target()) {
        part.path_names.push_back(input.servers[link.server].target.name);
      }
    }
  }
  return parts;
}

}  // namespace tcpfleet::controller
