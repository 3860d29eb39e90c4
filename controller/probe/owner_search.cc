#include "controller/probe/owner_search.h"

#include <absl/status/statusor.h>

#include <memory>
#include <vector>

#include "controller/fleet/collect.h"
#include "controller/probe/answers.h"

namespace tcpfleet::controller {
namespace {

// Where a connection comes from is known as soon as it begins.
v1::ProbeRequest SingleTry(const std::string& address, uint16_t port) {
  v1::ProbeRequest request;
  request.set_host(address);
  request.set_port(port);
  request.set_count(1);
  request.set_timeout_ms(1);
  return request;
}

}  // namespace

void SearchOwners(Fleet& fleet, const std::set<std::string>& addresses, uint16_t port,
                  const std::function<bool(size_t member, const std::string& address)>& is_worth,
                  const std::stop_token& stop, AddressOwners& owners) {
  int searched = 0;
  for (const std::string& address : addresses) {
    if (searched++ == kMostProbeAddresses) return;
    const v1::ProbeRequest request = SingleTry(address, port);
    const StartCall<v1::ProbeResponse> start = [&](FleetMember& member,
                                                   OnMessage<v1::ProbeResponse> on_message,
                                                   OnDone on_done) -> std::unique_ptr<StreamCall> {
      if (!is_worth(static_cast<size_t>(&member - fleet.members().data()), address)) return nullptr;
      return member.client->Probe(request, fleet.timeout(), std::move(on_message),
                                  std::move(on_done));
    };
    const auto answers = CollectFromAgents<v1::ProbeResponse>(fleet, start, stop);
    for (size_t i = 0; i < answers.size(); ++i) {
      if (!answers[i].asked || !answers[i].status.ok()) continue;
      const absl::StatusOr<std::vector<v1::ProbePath>> paths =
          PathsOf(fleet.members()[i].target.name, request, answers[i].messages, /*is_whole=*/true);
      if (!paths.ok()) continue;
      for (const v1::ProbePath& path : *paths) owners.AddPath(i, path);
    }
  }
}

}  // namespace tcpfleet::controller
