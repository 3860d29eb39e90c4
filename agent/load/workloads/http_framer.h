#pragma once

#include <cstddef>
#include <memory>

#include "agent/load/workloads/response_framer.h"

namespace tcpfleet::agent {

// HTTP/1.1 and 1.0. `without_bodies`: the responses answer HEAD requests.
std::unique_ptr<ResponseFramer> NewHttpFramer(bool without_bodies, size_t slots);

}  // namespace tcpfleet::agent
