// The addresses a run's connections come from.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <cstddef>
#include <string>
#include <vector>

#include "common/base/ip_address.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostSources = 256;

// Each of `sources` is an address of this host, or a network and stands for the host's addresses in
// it: those its interfaces have, and in 127.0.0.0/8 every one. No address comes twice.
//
// InvalidArgument: not an address or network, an address that is not this host's, a network with
// none of its addresses, more than kMostSources.
absl::StatusOr<std::vector<base::IpAddress>> ResolveSources(absl::Span<const std::string> sources);

// As above, given what the interfaces have.
absl::StatusOr<std::vector<base::IpAddress>> AddressesInNetwork(
    const std::string& network, absl::Span<const base::IpAddress> interface_addresses);

}  // namespace tcpfleet::agent
