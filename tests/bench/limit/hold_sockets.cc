#include <absl/strings/str_format.h>
#include <absl/types/span.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <random>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/rlimit.h"
#include "common/sys/unique_fd.h"
#include "tests/bench/limit/sockets.h"

namespace tcpfleet::bench {
namespace {

// Every tick the next part of the active connections has its turn: all within a second.
constexpr int kTicksPerSecond = 50;
constexpr int64_t kTickNs = 1'000'000'000 / kTicksPerSecond;

sockaddr_in Address(int network, int number, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr =
      htonl(static_cast<uint32_t>(127 << 24 | network << 16 | number << 8 | 1));
  return address;
}

const sockaddr* Generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

class Sockets {
 public:
  absl::Status Open(const SocketsOptions& options) {
    sys::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in server = Address(1, options.number, 0);
    socklen_t length = sizeof(server);
    if (::bind(listener.get(), Generic(server), length) != 0) return sys::ErrnoStatus("bind");
    if (::listen(listener.get(), 4096) != 0) return sys::ErrnoStatus("listen");
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&server), &length);
    const sockaddr_in client = Address(2, options.number, 0);
    for (int i = 0; i < options.connections; ++i) {
      TF_RETURN_IF_ERROR(Connect(listener.get(), client, server));
    }
    absl::PrintF("{\"port\": %d}\n", ntohs(server.sin_port));
    std::fflush(stdout);
    listener_ = std::move(listener);
    return absl::OkStatus();
  }

  void Exchange(size_t pair) {
    const size_t request = 200 + random_() % 1'800;
    const size_t response = pair % 50 == 0 ? 60'000 : 100 + random_() % 16'000;
    Move(clients_[pair].get(), servers_[pair].get(), request);
    Move(servers_[pair].get(), clients_[pair].get(), response);
  }

 private:
  absl::Status Connect(int listener, const sockaddr_in& client, const sockaddr_in& server) {
    sys::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return sys::ErrnoStatus("socket");
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (::bind(fd.get(), Generic(client), sizeof(client)) != 0) return sys::ErrnoStatus("bind");
    if (::connect(fd.get(), Generic(server), sizeof(server)) != 0) {
      return sys::ErrnoStatus("connect");
    }
    sys::UniqueFd accepted(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!accepted.valid()) return sys::ErrnoStatus("accept4");
    clients_.push_back(std::move(fd));
    servers_.push_back(std::move(accepted));
    return absl::OkStatus();
  }

  // On loopback what was sent is there to be received.
  void Move(int from, int to, size_t bytes) {
    ssize_t sent = ::send(from, buffer_.data(), bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent > 0) {
      const ssize_t got = ::recv(to, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (got <= 0) return;
      sent -= got;
    }
  }

  sys::UniqueFd listener_;
  std::vector<sys::UniqueFd> clients_;
  std::vector<sys::UniqueFd> servers_;
  std::mt19937 random_{1};
  std::array<char, 65'536> buffer_{};
};

// True when standard input has ended.
bool WaitUntil(int64_t deadline_ns) {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  const int64_t left_ns = deadline_ns - base::MonotonicNowNs();
  return ::poll(&input, 1, left_ns > 0 ? static_cast<int>(left_ns / 1'000'000) : 0) > 0;
}

}  // namespace

absl::Status HoldSockets(const SocketsOptions& options) {
  TF_RETURN_IF_ERROR(sys::RaiseOpenFileLimit().status());
  Sockets sockets;
  TF_RETURN_IF_ERROR(sockets.Open(options));
  const auto active = static_cast<size_t>(options.active);
  int64_t next_ns = base::MonotonicNowNs();
  for (size_t tick = 0; !WaitUntil(next_ns); tick = (tick + 1) % kTicksPerSecond) {
    for (size_t pair = tick; pair < active; pair += kTicksPerSecond) sockets.Exchange(pair);
    next_ns += kTickNs;
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::bench
