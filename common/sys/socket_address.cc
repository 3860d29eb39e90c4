#include "common/sys/socket_address.h"

#include <absl/strings/str_cat.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace tcpfleet::sys {

SocketAddress ToSocketAddress(const base::Endpoint& endpoint) {
  SocketAddress address;
  const auto bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<uint8_t*>(&v4.sin_addr));
    std::memcpy(&address.storage, &v4, sizeof(v4));
    address.length = sizeof(v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::copy(bytes.begin(), bytes.end(), v6.sin6_addr.s6_addr);
    std::memcpy(&address.storage, &v6, sizeof(v6));
    address.length = sizeof(v6);
  }
  return address;
}

absl::StatusOr<base::Endpoint> FromSocketAddress(const SocketAddress& address) {
  if (address.family() == AF_INET && address.length >= sizeof(sockaddr_in)) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address.storage, sizeof(v4));
    std::array<uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return base::Endpoint{base::IpAddress::V4(bytes), ntohs(v4.sin_port)};
  }
  if (address.family() == AF_INET6 && address.length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address.storage, sizeof(v6));
    std::array<uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), v6.sin6_addr.s6_addr, bytes.size());
    return base::Endpoint{base::IpAddress::V6(bytes), ntohs(v6.sin6_port)};
  }
  return absl::InvalidArgumentError(
      absl::StrCat("address family ", address.family(), " is not IP"));
}

}  // namespace tcpfleet::sys
