// Finds the hosts that have addresses which their own agents have not tried, as when a name
// resolves in another way on the host that it names: each agent connects to the address once, and a
// host that has it does so from it.
//
// Bounds: kMostProbeAddresses addresses; one connection of each agent to each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <stop_token>
#include <string>

#include "controller/fleet/fleet.h"
#include "controller/probe/address_owners.h"

namespace tcpfleet::controller {

// Asks the members for which `is_worth` holds. Those that fail are left out.
void SearchOwners(Fleet& fleet, const std::set<std::string>& addresses, uint16_t port,
                  const std::function<bool(size_t member, const std::string& address)>& is_worth,
                  const std::stop_token& stop, AddressOwners& owners);

}  // namespace tcpfleet::controller
