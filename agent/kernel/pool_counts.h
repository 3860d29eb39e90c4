// The established connections of groups: how many of them rest, and hashes that show which they
// are.
//
// Threads: not thread-safe. Pure.
// Bounds:  SocketBudget.connections, 12 bytes each; beyond, nothing is said at all.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/netlink/inet_diag.h"
#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostRestSeconds = 8;
inline constexpr size_t kMostConnectionHashes = 64;

class PoolCounts {
 public:
  // `rest_seconds` are ascending, at most kMostRestSeconds. `room` must outlive this.
  PoolCounts(std::vector<uint32_t> rest_seconds, size_t* room)
      : rest_seconds_(std::move(rest_seconds)), room_(*room) {}

  // Established; of this group.
  void Add(uint32_t group, const netlink::InetDiagSocket& socket);

  // Says it of the groups at these positions of summary.peers.
  void Finish(const absl::flat_hash_map<uint32_t, int>& peer_of, v1::SocketSummary& summary) const;

 private:
  struct Connection {
    uint32_t hash = 0;
    uint32_t group = 0;
    uint8_t rests = 0;  // of rest_seconds_, for how many
  };

  const std::vector<uint32_t> rest_seconds_;
  size_t& room_;
  std::vector<Connection> connections_;
  bool is_whole_ = true;
  bool rest_is_known_ = true;
};

}  // namespace tcpfleet::agent
