// The TCP sockets of one network namespace, counted while they are read: by state, by listener, and
// in groups.
//
//   counts.AddListener(socket);   // all of them first,
//   counts.Add(socket);           // then all others,
//   counts.Finish(top, process_of, summary);
//
// A connection whose local port somebody listens on has come in: its peer's port says nothing, so
// it is grouped without it. Every other one has gone out. IPv4-mapped addresses are IPv4.
//
// Threads: not thread-safe. Pure.
// Bounds:  those of SocketBudget, of all namespaces together; a group costs some 150 bytes, a
// socket
//          whose owner is asked for 12. kMostListenersSent listeners are said.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/functional/function_ref.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "agent/kernel/pool_counts.h"
#include "agent/kernel/port_range.h"
#include "common/base/ip_address.h"
#include "common/netlink/inet_diag.h"
#include "common/sockets/connection_sample.h"
#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostListenersSent = 1000;

// What may still be remembered.
struct SocketBudget {
  size_t groups = size_t{1} << 18;
  size_t listeners = size_t{1} << 16;
  size_t owned = size_t{1} << 20;        // sockets whose owner is asked for
  size_t connections = size_t{1} << 20;  // of PoolCounts
};

class SocketCounts {
 public:
  struct Ports {
    PortRange range;
    PortSet reserved;
  };
  struct Wish {
    bool owners = false;
    std::vector<uint32_t> rest_seconds = {};  // none: what rests is not counted
    bool listeners_only = false;              // and their accept queues
  };
  // `ports` may be unknown. `budget` must outlive this.
  SocketCounts(std::optional<Ports> ports, Wish wish, SocketBudget* budget);

  void AddListener(const netlink::InetDiagSocket& socket);
  void Add(const netlink::InetDiagSocket& socket);

  // Of the sockets whose owner is asked for; of those that are more than one's, more than once.
  std::vector<uint32_t> Inodes() const;
  // Sockets that are in no group, because a bound was reached.
  uint64_t beyond_bounds() const { return beyond_bounds_; }

  // The owner of an inode that Inodes() named; null when it was not found.
  using ProcessOf = absl::FunctionRef<std::shared_ptr<const sockets::Process>(uint32_t inode)>;
  void Finish(size_t top, ProcessOf process_of, v1::SocketSummary& summary);

 private:
  static constexpr size_t kStates = 12;  // by number; those without a name are 0
  struct States {
    std::array<uint32_t, kStates> of{};
    uint32_t all = 0;
    void Add(uint8_t state, uint32_t sockets = 1) {
      of[state < kStates ? state : 0] += sockets;
      all += sockets;
    }
  };
  // The port that is not part of it is 0.
  struct Key {
    base::IpAddress local;
    base::IpAddress peer;
    uint16_t local_port = 0;
    uint16_t peer_port = 0;

    auto operator<=>(const Key&) const = default;  // NOLINT(modernize-use-nullptr): clang 14
    template <class Hash>
    friend Hash AbslHashValue(Hash hash, const Key& key) {
      return Hash::combine(std::move(hash), key.local.bytes(), key.peer.bytes(), key.local_port,
                           key.peer_port);
    }
  };
  struct Group {
    Key key;  // with the local port of what came in, the peer's of what went out
    States states;
    uint32_t usable_ports = 0;  // its local ports that outgoing connections may get
  };
  struct Owned {
    uint32_t inode = 0;
    uint32_t group = 0;  // by position
    uint8_t state = 0;
  };

  static Key PlaceOf(const base::Endpoint& local) { return {local.address, {}, local.port, 0}; }
  void CountHandshake(const base::Endpoint& local, uint8_t retransmits);
  bool IsUsable(uint16_t port) const;
  void AddListeners(ProcessOf process_of, v1::SocketSummary& summary);
  void AddLocalPorts(size_t top, v1::SocketSummary& summary) const;
  void AddPeers(size_t top, v1::SocketSummary& summary);
  void AddTimeWait(size_t top, v1::SocketSummary& summary) const;
  void AddPortUse(size_t top, v1::SocketSummary& summary);
  void AddProcesses(size_t top, ProcessOf process_of, v1::SocketSummary& summary);

  const std::optional<Ports> ports_;
  const bool owners_;
  const bool listeners_only_;
  SocketBudget& budget_;
  std::optional<PoolCounts> pools_;
  uint32_t usable_ = 0;  // ports of the range that are not reserved
  States states_;
  std::vector<v1::Listener> listeners_;
  absl::flat_hash_map<Key, std::vector<uint32_t>> listeners_at_;  // positions, by place
  PortSet listening_;
  PortSet used_;
  absl::flat_hash_map<uint16_t, States> local_ports_;
  absl::flat_hash_map<Key, uint32_t> group_at_;
  std::vector<Group> groups_;
  std::vector<Owned> owned_;
  // Positions of the groups in summary.port_use and summary.peers, while owners are found.
  absl::flat_hash_map<uint32_t, int> port_use_of_;
  absl::flat_hash_map<uint32_t, int> peer_of_;
  uint64_t listeners_beyond_ = 0;
  uint64_t beyond_bounds_ = 0;
};

}  // namespace tcpfleet::agent
