#include "common/sockets/opening_order.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <compare>

namespace tcpfleet::sockets {
namespace {

using PortCounts = absl::flat_hash_map<uint16_t, uint32_t>;

struct Place {
  uint64_t network_namespace;
  uint16_t service;
  bool is_server;
  uint64_t inode;
  uint64_t cookie;
  uint32_t position;
  auto operator<=>(const Place&) const = default;
};

}  // namespace

std::vector<uint32_t> OpeningOrder(absl::Span<const ConnectionSample* const> samples) {
  PortCounts local;
  PortCounts remote;
  for (const ConnectionSample* const sample : samples) {
    ++local[sample->identity.local.port];
    ++remote[sample->identity.remote.port];
  }
  std::vector<Place> places;
  places.reserve(samples.size());
  for (const ConnectionSample* const sample : samples) {
    const ConnectionIdentity& identity = sample->identity;
    const uint16_t here = identity.local.port;
    const uint16_t there = identity.remote.port;
    const uint32_t here_count = local[here];
    const uint32_t there_count = remote[there];
    const bool is_server = here_count != there_count ? here_count > there_count : here < there;
    places.push_back({identity.network_namespace, is_server ? here : there, is_server,
                      identity.inode, identity.cookie, static_cast<uint32_t>(places.size())});
  }
  std::sort(places.begin(), places.end());
  std::vector<uint32_t> order;
  order.reserve(places.size());
  for (const Place& place : places) order.push_back(place.position);
  return order;
}

}  // namespace tcpfleet::sockets
