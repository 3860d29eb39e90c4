#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/ip_address.h"

namespace tcpfleet::sys {

// Addresses of a name or address literal through getaddrinfo(3), in its order (RFC 6724), without
// repeats, at most 16. NotFound when the name does not resolve. Blocks for as long as the resolver
// does.
absl::StatusOr<std::vector<base::IpAddress>> ResolveHost(const std::string& host);

// The TCP port of a service name such as "https", as services(5) has it. NotFound when unknown.
absl::StatusOr<uint16_t> ResolveService(const std::string& name);

}  // namespace tcpfleet::sys
