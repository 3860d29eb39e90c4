// Both ends of one connection, where both hosts are in the fleet: the swapped 4-tuple.
//
// Addresses that several hosts or namespaces use alike (loopback, container networks) only join
// within the same host and boot; where more than one row could be the other end, none is.
#pragma once

#include <absl/types/span.h>

#include <memory>
#include <string>

#include "controller/connections/fleet_table.h"

namespace tcpfleet::controller {

class PeerIndex {
 public:
  explicit PeerIndex(const FleetTable& table);
  PeerIndex(absl::Span<const ConnectionRow* const> rows, absl::Span<const HostView> hosts);
  ~PeerIndex();
  // Null when the other end is not in the fleet or not certain.
  const ConnectionRow* PeerOf(const ConnectionRow& row) const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

// Who limits whom, in one line, from what both ends report of the same interval, for example
// "web1 -> db1: limited by db1's receive window (87 % of the time)".
std::string ExplainPair(const ConnectionRow& near, const ConnectionRow& far,
                        absl::Span<const HostView> hosts);

}  // namespace tcpfleet::controller
