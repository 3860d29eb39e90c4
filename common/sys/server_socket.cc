#include "common/sys/server_socket.h"

#include <absl/strings/str_cat.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/socket_address.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::sys {
namespace {

constexpr int kBacklog = 1024;  // the kernel cuts it to net.core.somaxconn

bool IsSocketFile(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

absl::Status InUse(absl::string_view address) {
  return absl::AlreadyExistsError(
      absl::StrCat(address, " is in use: does another agent run there?"));
}

}  // namespace

absl::StatusOr<UniqueFd> ListenExclusively(const base::Endpoint& endpoint) {
  const SocketAddress address = ToSocketAddress(endpoint);
  UniqueFd fd(NewTcpSocket(address.family()));
  if (!fd.valid()) return ErrnoStatus("socket");
  if (address.family() == AF_INET6) {
    TF_RETURN_IF_ERROR(SetOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0));
  }
  // Or connections of the last server in TIME_WAIT would count as somebody.
  TF_RETURN_IF_ERROR(SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1));
  TF_RETURN_IF_ERROR(SetOption(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1));
  if (::bind(fd.get(), address.get(), address.length) == 0 && ::listen(fd.get(), kBacklog) == 0) {
    return fd;
  }
  return errno == EADDRINUSE ? InUse(endpoint.ToString())
                             : ErrnoStatus(absl::StrCat("listen on ", endpoint.ToString()));
}

absl::StatusOr<UnixListener> UnixListener::Listen(const std::string& path) {
  const std::string name = absl::StrCat("unix:", path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": a socket path has 1 to ",
                                                   sizeof(address.sun_path) - 1, " characters"));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* bare = reinterpret_cast<const sockaddr*>(&address);
  const auto new_socket = [] {
    return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  };
  const UniqueFd probe = new_socket();
  if (!probe.valid()) return ErrnoStatus("socket");
  if (::connect(probe.get(), bare, sizeof(address)) == 0 || errno == EAGAIN) return InUse(name);
  if (errno == ECONNREFUSED && IsSocketFile(path)) ::unlink(path.c_str());

  UniqueFd fd = new_socket();
  if (!fd.valid()) return ErrnoStatus("socket");
  if (::bind(fd.get(), bare, sizeof(address)) != 0) return ErrnoStatus(name);
  UnixListener listener(std::move(fd), path);
  if (::listen(listener.fd(), kBacklog) != 0) return ErrnoStatus(name);
  return listener;
}

UnixListener::~UnixListener() {
  if (fd_.valid()) ::unlink(path_.c_str());
}

}  // namespace tcpfleet::sys
