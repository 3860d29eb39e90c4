// Sockets as inet_diag reports them, for tests of what counts and picks them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/netlink/inet_diag.h"

namespace tcpfleet::agent {

// An established connection that last sent and received so long ago. Owns what its views show.
class RestingSocket {
 public:
  RestingSocket(uint64_t cookie, uint32_t sent_ms, uint32_t received_ms) {
    constexpr size_t kLastDataSent = 44;  // of struct tcp_info
    constexpr size_t kLastDataReceived = 52;
    std::memcpy(tcp_info_.data() + kLastDataSent, &sent_ms, sizeof(sent_ms));
    std::memcpy(tcp_info_.data() + kLastDataReceived, &received_ms, sizeof(received_ms));
    socket_.state = 1;
    socket_.cookie = cookie;
    socket_.inode = static_cast<uint32_t>(cookie);
    socket_.tcp_info = tcp_info_;
  }
  RestingSocket(const RestingSocket&) = delete;
  RestingSocket& operator=(const RestingSocket&) = delete;

  netlink::InetDiagSocket& operator*() { return socket_; }

 private:
  std::array<std::byte, 280> tcp_info_{};
  netlink::InetDiagSocket socket_;
};

}  // namespace tcpfleet::agent
