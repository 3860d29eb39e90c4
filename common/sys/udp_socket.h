// UDP sockets that explore a path: connected, non-blocking, told of every ICMP message about their
// packets. Send and Receive are those of tcp_socket.h.
//
// Source: ip(7) and ipv6(7): IP_MTU_DISCOVER, IP_RECVERR, IP_MTU; linux/errqueue.h.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>

#include "common/base/ip_address.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

// A socket whose packets are never fragmented and may be as large as the interface takes, whatever
// the kernel believes of the path.
absl::StatusOr<UniqueFd> ConnectPathProbe(const base::Endpoint& target);

// What the kernel believes the path of a connected socket takes, in bytes.
absl::StatusOr<uint32_t> BelievedPathMtu(int fd);

struct QueuedError {
  int error = 0;
  // Of EMSGSIZE: what would fit, as whoever said so has it.
  uint32_t mtu = 0;
  // Who sent the ICMP message; none: this host itself refused.
  std::optional<base::IpAddress> sender;
};

// The oldest error that waits on the socket; nothing when none does.
std::optional<QueuedError> TakeQueuedError(int fd);

}  // namespace tcpfleet::sys
