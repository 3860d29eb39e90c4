#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "common/base/ip_address.h"

namespace tcpfleet::controller {

// An endpoint to look up by; IPv4-mapped addresses are IPv4.
struct EndpointKey {
  std::array<uint64_t, 2> address{};
  uint32_t port = 0;  // and the family, above

  EndpointKey() = default;
  explicit EndpointKey(const base::Endpoint& end) {
    const base::IpAddress unmapped = end.address.Unmapped();
    std::memcpy(address.data(), unmapped.bytes().data(), unmapped.bytes().size());
    port = end.port | (unmapped.is_v4() ? 0 : 0x10000U);
  }
  bool operator==(const EndpointKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const EndpointKey& key) {
    return H::combine(std::move(h), key.address[0], key.address[1], key.port);
  }
};

}  // namespace tcpfleet::controller
