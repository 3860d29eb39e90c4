#include "controller/stress/plan.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace tcpfleet::controller {
namespace {

constexpr uint64_t kServesOnMs = 5'000;

uint64_t Sum(absl::Span<const uint32_t> weights) {
  return std::accumulate(weights.begin(), weights.end(), uint64_t{0});
}

// At most kMostScheduleStride in all, each at least 1, in the same proportions as far as possible.
std::vector<uint32_t> Reduced(absl::Span<const uint32_t> weights) {
  const auto [least, most] = std::minmax_element(weights.begin(), weights.end());
  // That shares differ by a connection for want of a remainder is no reason for a long round.
  const bool nearly_equal = (*most - *least) * uint64_t{100} <= *most;
  if (nearly_equal || weights.size() * 2 > kMostScheduleStride) {
    return std::vector<uint32_t>(weights.size(), 1);
  }
  std::vector<uint32_t> reduced(weights.begin(), weights.end());
  const uint32_t common = std::accumulate(reduced.begin(), reduced.end(), uint32_t{0},
                                          [](uint32_t a, uint32_t b) { return std::gcd(a, b); });
  for (uint32_t& weight : reduced) weight /= common;
  const uint64_t total = Sum(reduced);
  if (total <= kMostScheduleStride) return reduced;
  // Rounding up to at least 1 may add one for each, so that many are kept back.
  const uint64_t room = kMostScheduleStride - reduced.size();
  for (uint32_t& weight : reduced) {
    weight = static_cast<uint32_t>(std::max<uint64_t>(1, weight * room / total));
  }
  return reduced;
}

// Begins with the target of connection number `first` of the fleet.
void RotateTargets(uint64_t first, v1::StressSpec& spec) {
  const auto weight = [](const v1::Target& target) { return std::max(1u, target.weight()); };
  auto& targets = *spec.mutable_targets();
  uint64_t round = 0;
  for (const v1::Target& target : targets) round += weight(target);
  if (round == 0) return;
  uint64_t place = first % round;
  int index = 0;
  while (place >= weight(targets.Get(index))) place -= weight(targets.Get(index++));
  std::rotate(targets.begin(), targets.begin() + index, targets.end());
}

// Of each client; every link has as many as the others.
std::vector<uint32_t> DealConnections(uint64_t total, size_t clients,
                                      absl::Span<const std::vector<Link>> links) {
  std::vector<uint32_t> weights(clients, 1);
  for (size_t i = 0; i < links.size(); ++i) weights[i] = static_cast<uint32_t>(links[i].size());
  const uint64_t parts = Sum(weights);
  std::vector<uint32_t> connections;
  uint64_t passed = 0;
  uint64_t dealt = 0;
  for (const uint32_t weight : weights) {
    passed += weight;
    const uint64_t end = total * passed / parts;
    connections.push_back(static_cast<uint32_t>(end - dealt));
    dealt = end;
  }
  return connections;
}

// Bound of the connections that clients bring to one server.
uint64_t ServerConnections(const v1::StressSpec& fleet_spec, const Roles& roles, size_t server) {
  if (roles.links.empty()) {
    // Every client deals to the servers in turn on its own, so each may bring one more.
    const uint64_t servers = roles.servers.size();
    const uint64_t mean = (fleet_spec.connections() + servers - 1) / servers;
    return std::min<uint64_t>(fleet_spec.connections(), mean + roles.clients.size());
  }
  uint64_t connections = 0;
  const auto dealt = DealConnections(fleet_spec.connections(), roles.clients.size(), roles.links);
  for (size_t client = 0; client < roles.links.size(); ++client) {
    const std::vector<Link>& links = roles.links[client];
    const bool comes = std::any_of(links.begin(), links.end(),
                                   [&](const Link& link) { return link.server == server; });
    if (comes) connections += (dealt[client] + links.size() - 1) / links.size();
  }
  return std::max<uint64_t>(1, connections);
}

}  // namespace

std::vector<v1::ScheduleShare> ShareSchedule(absl::Span<const uint32_t> weights) {
  const std::vector<uint32_t> reduced = Reduced(weights);
  // Operation j of a client with weight w is at (j + 1/2) / w of the round.
  std::vector<std::pair<double, size_t>> places;
  for (size_t client = 0; client < reduced.size(); ++client) {
    for (uint32_t j = 0; j < reduced[client]; ++j) {
      places.emplace_back((j + 0.5) / reduced[client], client);
    }
  }
  std::sort(places.begin(), places.end());
  std::vector<v1::ScheduleShare> shares(weights.size());
  for (v1::ScheduleShare& share : shares) share.set_stride(static_cast<uint32_t>(places.size()));
  for (size_t offset = 0; offset < places.size(); ++offset) {
    shares[places[offset].second].add_offsets(static_cast<uint32_t>(offset));
  }
  return shares;
}

std::vector<v1::StressSpec> SplitOverClients(const v1::StressSpec& fleet_spec, size_t clients,
                                             absl::Span<const std::vector<Link>> links) {
  const std::vector<uint32_t> connections =
      DealConnections(fleet_spec.connections(), clients, links);
  std::vector<v1::StressSpec> specs;
  uint64_t dealt = 0;
  for (size_t i = 0; i < clients; ++i) {
    v1::StressSpec& spec = specs.emplace_back(fleet_spec);
    spec.set_role(v1::StressSpec::ROLE_CLIENT);
    spec.clear_behavior();
    spec.set_connections(connections[i]);
    const size_t paths = links.empty() ? static_cast<size_t>(spec.targets_size()) : links[i].size();
    spec.set_per_target((paths > 1 || !links.empty()) && paths <= kMostPathsPerClient);
    RotateTargets(dealt, spec);
    dealt += connections[i];
  }
  const bool is_shared = fleet_spec.rate_per_second() > 0 || !fleet_spec.rate_segments().empty();
  if (!is_shared || clients < 2) return specs;
  std::vector<v1::ScheduleShare> shares = ShareSchedule(connections);
  for (size_t i = 0; i < clients; ++i) *specs[i].mutable_schedule_share() = std::move(shares[i]);
  return specs;
}

v1::StressSpec ServerSpec(const v1::StressSpec& fleet_spec, const Roles& roles, size_t server,
                          double max_duration_seconds) {
  v1::StressSpec spec = fleet_spec;
  spec.set_role(v1::StressSpec::ROLE_SERVER);
  spec.clear_targets();
  spec.clear_sources();
  // What only clients do.
  spec.set_rate_per_second(0);
  spec.clear_rate_segments();
  spec.set_rate_per_connection(0);
  spec.clear_arrivals();
  spec.set_connections(static_cast<uint32_t>(ServerConnections(fleet_spec, roles, server)));
  uint64_t serves_on_ms = kServesOnMs;
  if (max_duration_seconds > 0 && max_duration_seconds < 1e9) {
    const auto limit_ms = static_cast<uint64_t>(max_duration_seconds * 1e3);
    const uint64_t run_ms =
        fleet_spec.warmup_ms() + fleet_spec.duration_ms() + fleet_spec.cooldown_ms();
    serves_on_ms = std::min(serves_on_ms, limit_ms - std::min(limit_ms, run_ms));
  }
  spec.set_cooldown_ms(fleet_spec.cooldown_ms() + serves_on_ms);
  return spec;
}

}  // namespace tcpfleet::controller
