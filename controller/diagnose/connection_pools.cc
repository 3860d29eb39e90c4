#include "controller/diagnose/connection_pools.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "controller/diagnose/finding.h"

namespace tcpfleet::controller {
namespace {

constexpr int kMostHashes = 64;        // SocketGroup.connection_hashes
constexpr int64_t kLeastSampled = 16;  // fewer of a sketch show no share
constexpr double kTimeWaitSeconds = 60;
constexpr absl::string_view kEstablished = "ESTAB";

double SecondsBetween(const SocketLook& before, const SocketLook& after) {
  return static_cast<double>(after.monotonic_ns - before.monotonic_ns) / 1e9;
}

bool HasHashes(const v1::SocketGroup& group) {
  return group.connection_hashes_size() ==
         std::min<double>(CountIn(group, kEstablished), kMostHashes);
}

// Up to this hash the group has those of all its connections.
uint32_t CompleteUpTo(const v1::SocketGroup& group) {
  if (CountIn(group, kEstablished) <= kMostHashes) return std::numeric_limits<uint32_t>::max();
  return *group.connection_hashes().rbegin();
}

// How many connections of `before` are in `after`.
std::optional<double> LivedOn(const v1::SocketGroup& before, const v1::SocketGroup& after) {
  const double size = CountIn(before, kEstablished);
  if (size == 0) return 0;
  if (!HasHashes(before) || !HasHashes(after)) return std::nullopt;
  const uint32_t bound = std::min(CompleteUpTo(before), CompleteUpTo(after));
  int64_t sampled = 0;
  int64_t lived = 0;
  auto candidate = after.connection_hashes().begin();
  for (const uint32_t hash : before.connection_hashes()) {
    if (hash > bound) break;
    ++sampled;
    candidate = std::lower_bound(candidate, after.connection_hashes().end(), hash);
    if (candidate == after.connection_hashes().end() || *candidate != hash) continue;
    ++lived;
    ++candidate;
  }
  if (static_cast<double>(sampled) < std::min<double>(size, kLeastSampled)) return std::nullopt;
  return std::min(size * static_cast<double>(lived) / static_cast<double>(sampled),
                  CountIn(after, kEstablished));
}

}  // namespace

double CountIn(const v1::SocketGroup& group, absl::string_view state) {
  const auto found = group.states().find(std::string(state));
  return found == group.states().end() ? 0 : static_cast<double>(found->second);
}

std::string ConnectionPool::Text() const {
  return absl::StrCat(owner, " to ", EndpointText(peer, port));
}

double ConnectionPool::first_size() const { return CountIn(*groups.front(), kEstablished); }
double ConnectionPool::size() const { return CountIn(*groups.back(), kEstablished); }

std::vector<ConnectionPool> PoolsOf(const HostObservation& host) {
  std::map<std::pair<std::string, uint32_t>, ConnectionPool> pools;
  size_t look = 0;
  for (const SocketLook& one : host.Looks()) {
    for (const v1::SocketGroup& group : one.sockets->peers()) {
      if (group.peer_port() == 0) continue;  // clients
      ConnectionPool& pool = pools[{group.peer_address(), group.peer_port()}];
      if (pool.groups.size() != look) continue;
      pool.groups.push_back(&group);
      // Not every look names owners.
      if (look == 0 || group.has_owner()) pool.owner = OwnerText(group.owner());
      pool.peer = group.peer_address();
      pool.port = group.peer_port();
    }
    ++look;
  }
  std::vector<ConnectionPool> whole;
  for (auto& [peer, pool] : pools) {
    if (pool.groups.size() == look) whole.push_back(std::move(pool));
  }
  return whole;
}

std::optional<double> RestingIn(const HostObservation& host, const ConnectionPool& pool,
                                double seconds) {
  const auto& counted = host.Looks().back().sockets->rest_seconds();
  const auto found = std::find(counted.begin(), counted.end(), std::floor(seconds));
  const auto index = static_cast<int>(found - counted.begin());
  const v1::SocketGroup& last = *pool.groups.back();
  if (index >= last.resting_size()) return std::nullopt;
  return static_cast<double>(last.resting(index));
}

std::optional<PoolTurnover> TurnoverOf(const HostObservation& host, const ConnectionPool& pool) {
  const absl::Span<const SocketLook> looks = host.Looks();
  double opened = 0;
  double closed = 0;
  double all_lived_on = 0;
  double longest_seconds = 0;
  double open_seconds = 0;
  for (size_t i = 1; i < looks.size(); ++i) {
    const v1::SocketGroup& before = *pool.groups[i - 1];
    const v1::SocketGroup& after = *pool.groups[i];
    const std::optional<double> lived_on = LivedOn(before, after);
    if (!lived_on) return std::nullopt;
    const double seconds = SecondsBetween(looks[i - 1], looks[i]);
    opened += CountIn(after, kEstablished) - *lived_on;
    closed += CountIn(before, kEstablished) - *lived_on;
    all_lived_on += *lived_on;
    longest_seconds = std::max(longest_seconds, seconds);
    open_seconds += seconds * (CountIn(before, kEstablished) + CountIn(after, kEstablished)) / 2;
  }
  const double seconds = SecondsBetween(looks.front(), looks.back());
  if (seconds <= 0) return std::nullopt;
  PoolTurnover turnover{opened / seconds, closed / seconds};
  if (closed == 0) {
    turnover.life_seconds = seconds;
    turnover.bound = PoolTurnover::kAtLeast;
  } else if (all_lived_on == 0) {
    turnover.life_seconds = longest_seconds;
    turnover.bound = PoolTurnover::kAtMost;
  } else {
    turnover.life_seconds = open_seconds / closed;
  }
  return turnover;
}

double ClosedHere(const HostObservation& host, const ConnectionPool& pool) {
  const double before = CountIn(*pool.groups.front(), "TIME-WAIT");
  const double after = CountIn(*pool.groups.back(), "TIME-WAIT");
  const double seconds = SecondsBetween(host.Looks().front(), host.Looks().back());
  return std::max(after / kTimeWaitSeconds, seconds > 0 ? (after - before) / seconds : 0);
}

}  // namespace tcpfleet::controller
