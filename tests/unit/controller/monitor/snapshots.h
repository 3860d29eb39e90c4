// Kernel snapshots of one host for tests of what reads them.
#pragma once

#include <cstdint>
#include <string>

#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::controller {

// One namespace with 40 established connections, 100 in TIME-WAIT and 2 listeners; counters are
// `count` each, and it was read after so many seconds.
inline v1::KernelSnapshot SnapshotAfter(int64_t seconds, uint64_t count) {
  v1::KernelSnapshot snapshot;
  snapshot.set_boot_id("boot");
  snapshot.set_monotonic_ns(seconds * 1'000'000'000);
  v1::NamespaceStatistics& own = *snapshot.add_namespaces();
  own.set_network_namespace(1);
  for (const char* counter : {"Tcp.ActiveOpens", "Tcp.PassiveOpens", "Tcp.AttemptFails",
                              "Tcp.EstabResets", "Tcp.RetransSegs", "Tcp.OutSegs"}) {
    (*own.mutable_counters())[counter] = count;
  }
  v1::SocketSummary& sockets = *own.mutable_sockets();
  (*sockets.mutable_states())["LISTEN"] = 2;
  (*sockets.mutable_states())["ESTAB"] = 40;
  (*sockets.mutable_states())["TIME-WAIT"] = 100;
  sockets.set_port_range_low(32768);
  sockets.set_port_range_high(60999);
  return snapshot;
}

inline void AddPortUse(const std::string& peer, uint32_t used, uint32_t usable,
                       v1::KernelSnapshot& snapshot) {
  v1::PortUse& use = *snapshot.mutable_namespaces(0)->mutable_sockets()->add_port_use();
  use.set_local_address("198.18.0.1");
  use.set_peer_address(peer);
  use.set_peer_port(443);
  use.set_used(used);
  use.set_usable(usable);
}

}  // namespace tcpfleet::controller
