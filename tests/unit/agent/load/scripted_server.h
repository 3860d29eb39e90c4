// A server that gives every request the same answer, and ends connections in the middle of it.
//
// Owns:    its sockets and one thread.
// Threads: counters from any thread.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "common/base/ip_address.h"

namespace tcpfleet::agent {

class ScriptedServer {
 public:
  enum class Then { kGoOn, kClose, kReset };
  struct Script {
    std::string request_end = "\r\n\r\n";
    std::vector<std::string> parts;  // of the answer, each with a send() of its own
    Then then = Then::kGoOn;         // after each answer
  };

  explicit ScriptedServer(Script script)
      : script_(std::move(script)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    // A failure shows as a server nobody can reach.
    (void)::bind(listener_, reinterpret_cast<sockaddr*>(&address), length);
    ::listen(listener_, 128);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    endpoint_ = {base::IpAddress::V4({127, 0, 0, 1}), ntohs(address.sin_port)};
    thread_ = std::thread([this] { Serve(); });
  }
  ~ScriptedServer() {
    Stop();
    for (const Connection& connection : connections_) ::close(connection.fd);
    ::close(listener_);
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  const base::Endpoint& endpoint() const { return endpoint_; }
  uint64_t accepted() const { return accepted_; }
  // Ends it; the last request that was whole.
  const std::string& Stop() {
    stops_ = true;
    if (thread_.joinable()) thread_.join();
    return request_;
  }

 private:
  struct Connection {
    int fd;
    std::string received;
  };

  void Serve() {
    while (!stops_) {
      std::vector<pollfd> polled{{.fd = listener_, .events = POLLIN, .revents = 0}};
      for (const Connection& connection : connections_) {
        polled.push_back({.fd = connection.fd, .events = POLLIN, .revents = 0});
      }
      ::poll(polled.data(), polled.size(), 10);
      for (size_t i = polled.size() - 1; i > 0; --i) {
        if (polled[i].revents == 0 || Receive(connections_[i - 1])) continue;
        ::close(connections_[i - 1].fd);
        connections_.erase(connections_.begin() + static_cast<ptrdiff_t>(i) - 1);
      }
      if (polled[0].revents != 0) {
        connections_.push_back({::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC), ""});
        ++accepted_;
      }
    }
  }

  // False when the connection is to be closed.
  bool Receive(Connection& connection) {
    char buffer[4096];
    const ssize_t size = ::recv(connection.fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (size <= 0) return false;
    connection.received.append(buffer, static_cast<size_t>(size));
    for (;;) {
      const size_t end = connection.received.find(script_.request_end);
      if (end == std::string::npos) return true;
      request_ = connection.received.substr(0, end + script_.request_end.size());
      connection.received.erase(0, request_.size());
      for (const std::string& part : script_.parts) {
        if (::send(connection.fd, part.data(), part.size(), MSG_NOSIGNAL) < 0) return false;
      }
      if (script_.then == Then::kReset) {
        const linger reset{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
      }
      if (script_.then != Then::kGoOn) return false;
    }
  }

  const Script script_;
  const int listener_;
  base::Endpoint endpoint_;
  std::vector<Connection> connections_;
  std::string request_;
  std::atomic<uint64_t> accepted_ = 0;
  std::atomic<bool> stops_ = false;
  std::thread thread_;
};

}  // namespace tcpfleet::agent
