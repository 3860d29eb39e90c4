#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/ip_address.h"

namespace tcpfleet::sys {

// Index of a network interface of the calling thread's network namespace. NotFound when there is
// none of that name. Source: if_nametoindex(3).
absl::StatusOr<uint32_t> InterfaceIndex(const std::string& name);

// Bits per second of an interface of the calling thread's network namespace. Unavailable when it
// does not say. Source: ETHTOOL_GSET of linux/ethtool.h.
absl::StatusOr<uint64_t> InterfaceSpeed(const std::string& name);

// Addresses of all interfaces that are up, of the calling thread's network namespace. Source:
// getifaddrs(3).
absl::StatusOr<std::vector<base::IpAddress>> InterfaceAddresses();

}  // namespace tcpfleet::sys
