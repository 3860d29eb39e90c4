#include "common/sys/udp_socket.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/retry.h"
#include "common/sys/socket_address.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::sys {
namespace {

// The address that follows `error` in its control message. Source: SO_EE_OFFENDER.
std::optional<base::IpAddress> SenderIn(const cmsghdr& header) {
  constexpr size_t kBefore = CMSG_LEN(sizeof(sock_extended_err));
  if (header.cmsg_len <= kBefore) return std::nullopt;
  SocketAddress address;
  const size_t length = std::min(header.cmsg_len - kBefore, sizeof(address.storage));
  std::memcpy(&address.storage, CMSG_DATA(&header) + sizeof(sock_extended_err), length);
  address.length = static_cast<socklen_t>(length);
  const absl::StatusOr<base::Endpoint> sender = FromSocketAddress(address);
  if (!sender.ok()) return std::nullopt;
  return sender->address;
}

bool IsQueuedError(const cmsghdr& header) {
  const bool is_v4 = header.cmsg_level == SOL_IP && header.cmsg_type == IP_RECVERR;
  const bool is_v6 = header.cmsg_level == SOL_IPV6 && header.cmsg_type == IPV6_RECVERR;
  return (is_v4 || is_v6) && header.cmsg_len >= CMSG_LEN(sizeof(sock_extended_err));
}

}  // namespace

absl::StatusOr<UniqueFd> ConnectPathProbe(const base::Endpoint& target) {
  const SocketAddress address = ToSocketAddress(target);
  UniqueFd fd(::socket(address.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus("socket");
  if (target.address.is_v4()) {
    TF_RETURN_IF_ERROR(SetOption(fd.get(), SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE));
    TF_RETURN_IF_ERROR(SetOption(fd.get(), SOL_IP, IP_RECVERR, 1));
  } else {
    TF_RETURN_IF_ERROR(SetOption(fd.get(), SOL_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE));
    TF_RETURN_IF_ERROR(SetOption(fd.get(), SOL_IPV6, IPV6_RECVERR, 1));
  }
  if (const int error = Connect(fd.get(), address); error != 0) {
    return ErrnoStatus(error, "connect");
  }
  return fd;
}

absl::StatusOr<uint32_t> BelievedPathMtu(int fd) {
  TF_ASSIGN_OR_RETURN(const int family, GetOption(fd, SOL_SOCKET, SO_DOMAIN));
  TF_ASSIGN_OR_RETURN(const int mtu, family == AF_INET ? GetOption(fd, SOL_IP, IP_MTU)
                                                       : GetOption(fd, SOL_IPV6, IPV6_MTU));
  return static_cast<uint32_t>(mtu);
}

std::optional<QueuedError> TakeQueuedError(int fd) {
  alignas(cmsghdr) std::array<std::byte, 512> control;
  msghdr message{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (RetryEintr([&] { return ::recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT); }) < 0) {
    return std::nullopt;
  }
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (!IsQueuedError(*header)) continue;
    sock_extended_err queued;
    std::memcpy(&queued, CMSG_DATA(header), sizeof(queued));
    QueuedError error;
    error.error = static_cast<int>(queued.ee_errno);
    error.mtu = queued.ee_info;
    if (queued.ee_origin != SO_EE_ORIGIN_LOCAL) error.sender = SenderIn(*header);
    return error;
  }
  return std::nullopt;
}

}  // namespace tcpfleet::sys
