// A TCP server that behaves well or badly on purpose, in a thread of the test.
//
//   auto server = PlainServer::Create(PlainServer::Behaviour::kEcho, {web.ipv4(), 0},
//   &web.network());
//
// Owns:    its sockets and one thread.
// Threads: counters from any thread.
// Bounds:  no more connections than the process may open descriptors; beyond that it stops
//          accepting.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>

#include "common/base/ip_address.h"
#include "common/sys/epoll.h"
#include "common/sys/event_fd.h"
#include "common/sys/net_namespace.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::tests {

class PlainServer {
 public:
  enum class Behaviour {
    kHold,         // reads and ignores what comes
    kEcho,         // sends it back
    kClose,        // closes as soon as it has accepted
    kReset,        // the same with a reset
    kFullBacklog,  // never accepts: the queue is full, further SYNs get no answer
  };

  struct Counters {
    std::atomic<uint64_t> accepted{0};
    std::atomic<uint64_t> closed_by_peer{0};
    std::atomic<uint64_t> reset_by_peer{0};
    std::atomic<uint64_t> received_bytes{0};
    // Of kHold and kEcho.
    uint64_t open() const { return accepted - closed_by_peer - reset_by_peer; }
  };

  // Port 0 takes a free one. `network`: where to listen, if not here.
  static absl::StatusOr<std::unique_ptr<PlainServer>> Create(
      Behaviour behaviour, base::Endpoint address = {base::IpAddress::V4({127, 0, 0, 1}), 0},
      const sys::NetNamespace* network = nullptr);
  ~PlainServer();

  const base::Endpoint& endpoint() const { return endpoint_; }
  const Counters& counters() const { return counters_; }

 private:
  struct Connection {
    sys::UniqueFd fd;
    std::string unsent;
  };

  PlainServer(Behaviour behaviour, sys::Epoll epoll, sys::EventFd stop)
      : behaviour_(behaviour), epoll_(std::move(epoll)), stop_(std::move(stop)) {}
  absl::Status Listen(const base::Endpoint& address);
  void Serve();
  void Accept();
  void Receive(Connection& connection);
  void Send(Connection& connection);

  const Behaviour behaviour_;
  base::Endpoint endpoint_;
  Counters counters_;
  sys::UniqueFd listener_;
  sys::UniqueFd filler_;
  sys::Epoll epoll_;
  sys::EventFd stop_;
  std::unordered_map<int, Connection> connections_;
  std::array<char, 65536> buffer_;
  std::thread thread_;
};

}  // namespace tcpfleet::tests
