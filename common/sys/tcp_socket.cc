#include "common/sys/tcp_socket.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/retry.h"

namespace tcpfleet::sys {
namespace {

// linux/in.h since 6.3; the C library's header does not have it.
constexpr int kIpLocalPortRange = 51;

using AddressCall = int (*)(int, sockaddr*, socklen_t*);

absl::StatusOr<base::Endpoint> EndpointOf(int fd, AddressCall call, absl::string_view name) {
  SocketAddress address;
  address.length = sizeof(address.storage);
  if (call(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0)
    return ErrnoStatus(name);
  return FromSocketAddress(address);
}

}  // namespace

int NewTcpSocket(int family) {
  return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int Connect(int fd, const SocketAddress& address) {
  return ::connect(fd, address.get(), address.length) == 0 ? 0 : errno;
}

int Bind(int fd, const SocketAddress& address) {
  return ::bind(fd, address.get(), address.length) == 0 ? 0 : errno;
}

int BindAddressOnly(int fd, const SocketAddress& address) {
  const int on = 1;
  if (::setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) != 0) return errno;
  return Bind(fd, address);
}

int SetOnlyLocalPort(int fd, uint16_t port) {
  const uint32_t range = uint32_t{port} << 16 | port;
  return ::setsockopt(fd, SOL_IP, kIpLocalPortRange, &range, sizeof(range)) == 0 ? 0 : errno;
}

ssize_t Send(int fd, absl::Span<const std::byte> data) {
  const ssize_t sent =
      RetryEintr([&] { return ::send(fd, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT); });
  return sent >= 0 ? sent : -errno;
}

ssize_t Receive(int fd, absl::Span<std::byte> buffer) {
  const ssize_t received =
      RetryEintr([&] { return ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT); });
  return received >= 0 ? received : -errno;
}

ssize_t Discard(int fd, size_t most) {
  const ssize_t discarded =
      RetryEintr([&] { return ::recv(fd, nullptr, most, MSG_DONTWAIT | MSG_TRUNC); });
  return discarded >= 0 ? discarded : -errno;
}

int ShutdownSending(int fd) { return ::shutdown(fd, SHUT_WR) == 0 ? 0 : errno; }

int ReplaceSocket(int fd, int replacement) {
  return ::dup3(replacement, fd, O_CLOEXEC) >= 0 ? 0 : errno;
}

void CloseSocket(int fd) { ::close(fd); }

int TakeSocketError(int fd) {
  int error = 0;
  socklen_t length = sizeof(error);
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

absl::Status SetOption(int fd, int level, int option, int value) {
  if (::setsockopt(fd, level, option, &value, sizeof(value)) != 0) {
    return ErrnoStatus(absl::StrCat("setsockopt ", level, "/", option, " to ", value));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> GetOption(int fd, int level, int option) {
  int value = 0;
  socklen_t length = sizeof(value);
  if (::getsockopt(fd, level, option, &value, &length) != 0) {
    return ErrnoStatus(absl::StrCat("getsockopt ", level, "/", option));
  }
  return value;
}

absl::Status SetLingerReset(int fd) {
  const linger abort{.l_onoff = 1, .l_linger = 0};
  if (::setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort)) != 0) {
    return ErrnoStatus("setsockopt SO_LINGER");
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> HasLingerReset(int fd) {
  linger value{};
  socklen_t length = sizeof(value);
  if (::getsockopt(fd, SOL_SOCKET, SO_LINGER, &value, &length) != 0)
    return ErrnoStatus("getsockopt SO_LINGER");
  return value.l_onoff != 0 && value.l_linger == 0;
}

uint64_t SocketCookie(int fd) {
  uint64_t cookie = 0;
  socklen_t length = sizeof(cookie);
  return ::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}

size_t ReadTcpInfo(int fd, absl::Span<std::byte> buffer) {
  socklen_t length = static_cast<socklen_t>(buffer.size());
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, buffer.data(), &length) == 0 ? length : 0;
}

std::string CongestionControl(int fd) {
  char name[16] = {};  // TCP_CA_NAME_MAX
  socklen_t length = sizeof(name) - 1;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length) == 0 ? std::string(name)
                                                                           : std::string();
}

absl::Status SetCongestionControl(int fd, const std::string& name) {
  if (::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(),
                   static_cast<socklen_t>(name.size())) != 0) {
    return ErrnoStatus(absl::StrCat("setsockopt TCP_CONGESTION to ", name));
  }
  return absl::OkStatus();
}

std::string BoundInterface(int fd) {
  char name[IFNAMSIZ] = {};
  socklen_t length = sizeof(name);
  return ::getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == 0 ? std::string(name)
                                                                           : std::string();
}

absl::Status BindToInterface(int fd, const std::string& name) {
  if (::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name.data(),
                   static_cast<socklen_t>(name.size())) != 0) {
    return ErrnoStatus(absl::StrCat("setsockopt SO_BINDTODEVICE to ", name));
  }
  return absl::OkStatus();
}

absl::StatusOr<base::Endpoint> LocalEndpoint(int fd) {
  return EndpointOf(fd, ::getsockname, "getsockname");
}

absl::StatusOr<base::Endpoint> PeerEndpoint(int fd) {
  return EndpointOf(fd, ::getpeername, "getpeername");
}

}  // namespace tcpfleet::sys
