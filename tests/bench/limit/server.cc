#include <absl/strings/str_format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/rlimit.h"
#include "common/sys/unique_fd.h"
#include "tests/bench/limit/limit.h"
#include "tests/bench/limit/listen.h"

namespace tcpfleet::bench {

absl::StatusOr<sys::UniqueFd> Listen(uint16_t port) {
  sys::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener.valid()) return sys::ErrnoStatus("socket");
  const int on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // Several processes serve one port when one may not open enough files.
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.get(), generic, length) != 0) return sys::ErrnoStatus("bind");
  if (::listen(listener.get(), 65535) != 0) return sys::ErrnoStatus("listen");
  if (::getsockname(listener.get(), generic, &length) != 0) return sys::ErrnoStatus("getsockname");
  absl::PrintF("{\"port\": %d}\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

namespace {

absl::Status Register(int epoll, int fd, uint32_t events) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) return sys::ErrnoStatus("epoll_ctl");
  return absl::OkStatus();
}

absl::Status AcceptAll(int epoll, int listener) {
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      TF_RETURN_IF_ERROR(Register(epoll, fd, EPOLLIN | EPOLLRDHUP | EPOLLET));
    } else if (errno == EAGAIN) {
      return absl::OkStatus();
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return sys::ErrnoStatus("accept4");
    }
  }
}

void Answer(int fd) {
  char bytes[64];
  const ssize_t got = ::recv(fd, bytes, sizeof(bytes), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0 || ::send(fd, bytes, 1, MSG_NOSIGNAL) != 1) ::close(fd);
}

}  // namespace

absl::Status RunServer(uint16_t port) {
  TF_RETURN_IF_ERROR(sys::RaiseOpenFileLimit().status());
  TF_ASSIGN_OR_RETURN(const sys::UniqueFd listener, Listen(port));
  const sys::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  TF_RETURN_IF_ERROR(Register(epoll.get(), listener.get(), EPOLLIN));
  TF_RETURN_IF_ERROR(base::WithContext("watch standard input, a pipe or terminal",
                                       Register(epoll.get(), STDIN_FILENO, EPOLLIN)));
  constexpr int kMostEvents = 512;
  std::array<epoll_event, kMostEvents> events;
  for (;;) {
    const int ready = ::epoll_wait(epoll.get(), events.data(), kMostEvents, -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == STDIN_FILENO) return absl::OkStatus();
      if (fd == listener.get()) {
        TF_RETURN_IF_ERROR(AcceptAll(epoll.get(), fd));
      } else {
        Answer(fd);
      }
    }
  }
}

}  // namespace tcpfleet::bench
