#include "common/sys/listen_probe.h"

#include <absl/strings/str_cat.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/socket_address.h"
#include "common/sys/tcp_socket.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

absl::Status CheckPortIsFree(const base::Endpoint& endpoint) {
  const SocketAddress address = ToSocketAddress(endpoint);
  const UniqueFd fd(NewTcpSocket(address.family()));
  if (!fd.valid()) return ErrnoStatus("socket");
  // As a server would, or connections of the last one in TIME_WAIT would count as somebody.
  TF_RETURN_IF_ERROR(SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1));
  if (::bind(fd.get(), address.get(), address.length) == 0 && ::listen(fd.get(), 1) == 0) {
    return absl::OkStatus();
  }
  if (errno == EADDRINUSE) {
    return absl::AlreadyExistsError(
        absl::StrCat(endpoint.ToString(), " is in use: does another agent run there?"));
  }
  return ErrnoStatus(absl::StrCat("listen on ", endpoint.ToString()));
}

absl::Status CheckUnixPathIsFree(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("unix:", path, ": a socket path has 1 to ",
                                                   sizeof(address.sun_path) - 1, " characters"));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus("socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
      errno == EAGAIN) {
    return absl::AlreadyExistsError(
        absl::StrCat("unix:", path, " is in use: does another agent run there?"));
  }
  if (errno == ENOENT || errno == ECONNREFUSED) return absl::OkStatus();
  return ErrnoStatus(absl::StrCat("unix:", path));
}

}  // namespace tcpfleet::sys
