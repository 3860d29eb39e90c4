#include "common/sys/tcp_listener.h"

#include <absl/strings/str_cat.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "common/base/ip_address.h"
#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/retry.h"
#include "common/sys/socket_address.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::sys {
namespace {

bool HasNoSuchFamily(int error) { return error == EAFNOSUPPORT || error == EADDRNOTAVAIL; }

// `error` is the errno of the failure, for the choice of another family.
absl::StatusOr<UniqueFd> ListenOn(const base::Endpoint& endpoint, int backlog, int& error) {
  const SocketAddress address = ToSocketAddress(endpoint);
  const auto failed = [&](absl::string_view call) {
    error = errno;
    return ErrnoStatus(error, absl::StrCat(call, " ", endpoint.ToString()));
  };
  UniqueFd fd(NewTcpSocket(address.family()));
  if (!fd.valid()) return failed("socket for");
  if (address.family() == AF_INET6) {
    TF_RETURN_IF_ERROR(SetOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0));
  }
  TF_RETURN_IF_ERROR(SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1));
  TF_RETURN_IF_ERROR(SetOption(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1));
  if (::bind(fd.get(), address.get(), address.length) != 0) return failed("bind");
  if (::listen(fd.get(), backlog) != 0) return failed("listen on");
  return fd;
}

}  // namespace

absl::StatusOr<UniqueFd> ListenTcp(uint16_t port, int backlog) {
  int error = 0;
  absl::StatusOr<UniqueFd> both = ListenOn({base::IpAddress::V6({}), port}, backlog, error);
  if (both.ok() || !HasNoSuchFamily(error)) return both;
  return ListenOn({base::IpAddress::V4({}), port}, backlog, error);
}

int Accept(int listener) {
  const int fd = RetryEintr(
      [&] { return ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); });
  return fd >= 0 ? fd : -errno;
}

}  // namespace tcpfleet::sys
