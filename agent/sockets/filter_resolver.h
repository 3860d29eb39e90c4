#pragma once

#include "common/filter/filter.h"

namespace tcpfleet::agent {

// What a filter means on this host: indices of interfaces, and the range of ports `autobound`
// speaks of. Names of hosts and services are the controller's to resolve.
filter::Resolver HostResolver();

}  // namespace tcpfleet::agent
