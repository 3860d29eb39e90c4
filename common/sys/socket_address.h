#pragma once

#include <absl/status/statusor.h>
#include <sys/socket.h>

#include "common/base/ip_address.h"

namespace tcpfleet::sys {

// A sockaddr ready for bind and connect.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

SocketAddress ToSocketAddress(const base::Endpoint& endpoint);

// IPv4-mapped addresses stay IPv6. InvalidArgument for other families.
absl::StatusOr<base::Endpoint> FromSocketAddress(const SocketAddress& address);

}  // namespace tcpfleet::sys
