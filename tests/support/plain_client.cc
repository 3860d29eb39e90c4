#include "tests/support/plain_client.h"

#include <absl/strings/str_cat.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::tests {

absl::StatusOr<sys::UniqueFd> ConnectTo(const base::Endpoint& to, const sys::NetNamespace* network,
                                        absl::Duration timeout) {
  sys::UniqueFd fd;
  const auto connect = [&]() -> absl::Status {
    const sys::SocketAddress address = sys::ToSocketAddress(to);
    fd.Reset(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return sys::ErrnoStatus("socket");
    const timeval limit = absl::ToTimeval(timeout);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    TF_RETURN_IF_ERROR(sys::SetOption(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1));
    const int error = sys::Connect(fd.get(), address);
    if (error == EINPROGRESS) {
      return absl::DeadlineExceededError(absl::StrCat("connect to ", to.ToString(), ": timeout"));
    }
    if (error != 0) return sys::ErrnoStatus(error, absl::StrCat("connect to ", to.ToString()));
    return absl::OkStatus();
  };
  TF_RETURN_IF_ERROR(network == nullptr ? connect() : network->Run(connect));
  return fd;
}

absl::Status Exchange(int fd, size_t bytes, int rounds) {
  const std::string request(bytes, 'x');
  std::string response(bytes, '\0');
  for (int i = 0; i < rounds; ++i) {
    if (::send(fd, request.data(), bytes, MSG_NOSIGNAL) != static_cast<ssize_t>(bytes)) {
      return sys::ErrnoStatus("send");
    }
    const ssize_t got = ::recv(fd, response.data(), bytes, MSG_WAITALL);
    if (got < 0) return sys::ErrnoStatus("recv");
    if (response != request) {
      return absl::DataLossError(absl::StrCat(got, " of ", bytes, " bytes came back"));
    }
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::tests
