// Requests and answers of NETLINK_ROUTE: interfaces, queueing disciplines, neighbours. Pure: bytes
// in, values out. Views point into the message they were parsed from.
//
// Errors: DataLoss when a message is too short or an attribute does not fit.
// Source: rtnetlink(7), linux/if_link.h, linux/gen_stats.h.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <cstdint>
#include <string>

#include "common/netlink/message.h"

namespace tcpfleet::netlink {

MessageBuilder LinkDumpRequest();
MessageBuilder QdiscDumpRequest();
MessageBuilder NeighbourDumpRequest();  // IPv4 and IPv6

struct Link {
  uint32_t index = 0;
  absl::string_view name;
  uint8_t operational_state = 0;  // RFC 2863
  uint32_t mtu = 0;
  Bytes statistics;  // struct rtnl_link_stats64 as far as the kernel knows it
};
absl::StatusOr<Link> ParseLink(Bytes payload);

// "UP", as ip(8) prints it.
absl::string_view OperationalStateName(uint8_t state);
// Of the 64-bit numbers in Link::statistics, in order.
absl::Span<const absl::string_view> LinkStatisticsNames();

struct Qdisc {
  uint32_t interface = 0;
  uint32_t handle = 0;
  uint32_t parent = 0;
  absl::string_view kind;
  uint64_t bytes = 0;
  uint64_t packets = 0;
  uint32_t drops = 0;
  uint32_t overlimits = 0;
  uint32_t requeues = 0;
  uint32_t backlog_bytes = 0;
  uint32_t backlog_packets = 0;
};
absl::StatusOr<Qdisc> ParseQdisc(Bytes payload);

// A handle or parent as tc(8) writes it: "8001:", "1:10", "root".
std::string TrafficClassName(uint32_t handle);

struct Neighbour {
  uint8_t family = 0;
  uint16_t state = 0;  // NUD_*
};
absl::StatusOr<Neighbour> ParseNeighbour(Bytes payload);

// "REACHABLE", as ip(8) prints it.
absl::string_view NeighbourStateName(uint16_t state);

}  // namespace tcpfleet::netlink
