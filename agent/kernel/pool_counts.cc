#include "agent/kernel/pool_counts.h"

#include <algorithm>

#include "agent/kernel/connection_hash.h"

namespace tcpfleet::agent {

void PoolCounts::Add(uint32_t group, const netlink::InetDiagSocket& socket) {
  if (room_ == 0) is_whole_ = false;
  if (!is_whole_) return;
  --room_;
  Connection& connection = connections_.emplace_back();
  connection.hash = ConnectionHash(socket.cookie);
  connection.group = group;
  const std::optional<uint32_t> rest_ms = netlink::RestMs(socket);
  if (!rest_ms) {
    rest_is_known_ = false;
    return;
  }
  for (const uint32_t seconds : rest_seconds_) {
    if (*rest_ms / 1000 >= seconds) ++connection.rests;
  }
}

void PoolCounts::Finish(const absl::flat_hash_map<uint32_t, int>& peer_of,
                        v1::SocketSummary& summary) const {
  if (!is_whole_) return;
  struct Pool {
    std::vector<uint64_t> resting;
    std::vector<uint32_t> hashes;
  };
  std::vector<Pool> pools(static_cast<size_t>(summary.peers_size()));
  for (Pool& pool : pools) pool.resting.resize(rest_seconds_.size());
  for (const Connection& one : connections_) {
    const auto peer = peer_of.find(one.group);
    if (peer == peer_of.end()) continue;
    Pool& pool = pools[static_cast<size_t>(peer->second)];
    for (size_t i = 0; i < one.rests; ++i) ++pool.resting[i];
    pool.hashes.push_back(one.hash);
  }
  if (rest_is_known_)
    summary.mutable_rest_seconds()->Add(rest_seconds_.begin(), rest_seconds_.end());
  for (size_t i = 0; i < pools.size(); ++i) {
    v1::SocketGroup& group = *summary.mutable_peers(static_cast<int>(i));
    std::vector<uint32_t>& hashes = pools[i].hashes;
    const size_t kept = std::min(hashes.size(), kMostConnectionHashes);
    std::partial_sort(hashes.begin(), hashes.begin() + static_cast<std::ptrdiff_t>(kept),
                      hashes.end());
    hashes.resize(kept);
    group.mutable_connection_hashes()->Add(hashes.begin(), hashes.end());
    if (rest_is_known_) {
      group.mutable_resting()->Add(pools[i].resting.begin(), pools[i].resting.end());
    }
  }
}

}  // namespace tcpfleet::agent
