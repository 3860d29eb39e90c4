// TCP sockets as the load engine uses them: non-blocking, close-on-exec, errno at hand.
//
// Errors: creation and options answer with a status; the calls of the hot path return the errno (0
//         is success), because there every errno is a counted result and not a fault.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/ip_address.h"
#include "common/sys/socket_address.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

// A new non-blocking TCP socket of `family` (AF_INET, AF_INET6), or -1 with errno set.
int NewTcpSocket(int family);

// 0, or the errno. EINPROGRESS means the handshake is under way.
int Connect(int fd, const SocketAddress& address);

// 0, or the errno.
int Bind(int fd, const SocketAddress& address);

// bind() leaves the choice of the port to connect(), which knows the destination. 0, or the errno.
// Source: ip(7), IP_BIND_ADDRESS_NO_PORT.
int BindAddressOnly(int fd, const SocketAddress& address);

// The port connect() or bind() picks is this one. 0, or the errno: ENOPROTOOPT before Linux 6.3.
// Source: ip(7), IP_LOCAL_PORT_RANGE.
int SetOnlyLocalPort(int fd, uint16_t port);

// Bytes moved, or minus the errno. Sending to a closed connection raises no SIGPIPE; receiving 0
// means the peer has closed.
ssize_t Send(int fd, absl::Span<const std::byte> data);
ssize_t Receive(int fd, absl::Span<std::byte> buffer);

// As Receive, of up to `most` bytes that nobody wants to see: the kernel does not copy them.
// Source: tcp(7), MSG_TRUNC.
ssize_t Discard(int fd, size_t most);

// Sends what is left and then the end: 0, or the errno. Receiving goes on.
int ShutdownSending(int fd);

// `fd` stands for the socket behind `replacement` from now on; what it stood for is closed. 0, or
// the errno. Source: dup3(2).
int ReplaceSocket(int fd, int replacement);

// For descriptors kept as numbers in tables too large for UniqueFd.
void CloseSocket(int fd);

// SO_ERROR, which it clears; or the errno of getsockopt itself.
int TakeSocketError(int fd);

absl::Status SetOption(int fd, int level, int option, int value);
absl::StatusOr<int> GetOption(int fd, int level, int option);

// SO_LINGER with time 0: close(2) aborts the connection with a reset.
absl::Status SetLingerReset(int fd);
absl::StatusOr<bool> HasLingerReset(int fd);

// SO_COOKIE; 0 when the kernel has none to give.
uint64_t SocketCookie(int fd);

// Fills `buffer` with tcp_info and returns how many bytes this kernel knows; 0 on error. Source:
// tcp(7), TCP_INFO.
size_t ReadTcpInfo(int fd, absl::Span<std::byte> buffer);

// TCP_CONGESTION, for example "cubic"; empty on error.
std::string CongestionControl(int fd);
absl::Status SetCongestionControl(int fd, const std::string& name);

// SO_BINDTODEVICE; empty when the socket is bound to none, and on error.
std::string BoundInterface(int fd);
absl::Status BindToInterface(int fd, const std::string& name);

absl::StatusOr<base::Endpoint> LocalEndpoint(int fd);
absl::StatusOr<base::Endpoint> PeerEndpoint(int fd);

}  // namespace tcpfleet::sys
