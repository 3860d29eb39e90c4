// Whether an address is free to listen on, asked before a library binds it without saying why it
// could not.
#pragma once

#include <absl/status/status.h>

#include <string>

#include "common/base/ip_address.h"

namespace tcpfleet::sys {

// AlreadyExists when somebody listens there; otherwise what bind(2) said.
absl::Status CheckPortIsFree(const base::Endpoint& endpoint);

// AlreadyExists when a server answers on this Unix socket. A socket file left behind by a dead
// server is free.
absl::Status CheckUnixPathIsFree(const std::string& path);

}  // namespace tcpfleet::sys
