// Which hosts of the fleet have the addresses that were tried.
//
// A host has an address when its own connection to it came from that address, when a socket of it
// is bound to it, or when its agent is called at it. Loopback is everybody's own.
#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/base/ip_address.h"
#include "controller/fleet/agent_target.h"
#include "tcpfleet/v1/kernel.pb.h"
#include "tcpfleet/v1/probe.pb.h"

namespace tcpfleet::controller {

class AddressOwners {
 public:
  // Hosts are numbered as fleet members are. What they say may come in any order.
  void AddAgent(size_t host, const AgentTarget& target);
  void AddSnapshot(size_t host, const v1::KernelSnapshot& snapshot);
  void AddPath(size_t host, const v1::ProbePath& path);

  // Hosts that `address`, tried by `host`, may stand for: the host itself when it has it, else all
  // that do, agents in one network namespace counted once; when none is known to, those whose agent
  // is called by the name that was probed.
  std::set<size_t> OwnersOf(const std::string& address, size_t host,
                            absl::string_view probed_name) const;

 private:
  std::map<base::IpAddress, std::set<size_t>> owners_;
  std::map<std::string, std::set<size_t>> by_name_;  // in lower case
  // Boot and network namespace of a host.
  std::map<size_t, std::pair<std::string, uint64_t>> places_;
};

}  // namespace tcpfleet::controller
