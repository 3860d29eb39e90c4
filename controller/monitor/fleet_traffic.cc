#include "controller/monitor/fleet_traffic.h"

namespace tcpfleet::controller {

void FleetTraffic::Add(const v1::KernelSnapshot& snapshot) {
  for (const v1::NamespaceStatistics& statistics : snapshot.namespaces()) {
    const v1::SocketSummary& sockets = statistics.sockets();
    for (const auto& [state, count] : sockets.states()) states[state] += count;
    for (const v1::SocketGroup& group : sockets.local_ports()) {
      local_ports[group.local_port()] += group.sockets();
    }
    for (const v1::SocketGroup& group : sockets.processes()) {
      if (!group.owner().comm().empty()) processes[group.owner().comm()] += group.sockets();
    }
  }
}

}  // namespace tcpfleet::controller
