// Interfaces, their queueing disciplines, and neighbours, of the calling thread's network
// namespace.
//
// Errors:  those of netlink::NetlinkSocket; a dump that is interrupted three times is Aborted.
// Bounds:  kMostInterfaces and kMostQdiscs; those beyond are counted.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>

#include "common/netlink/rtnetlink.h"
#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostInterfaces = 4096;
inline constexpr size_t kMostQdiscs = 16'384;

// How many were beyond the bounds.
absl::StatusOr<uint64_t> ReadInterfaces(v1::NamespaceStatistics& to);

absl::Status ReadNeighbours(v1::NamespaceStatistics& to);

// Without its qdiscs and its speed.
v1::InterfaceStatistics ToInterfaceStatistics(const netlink::Link& link);
v1::QdiscStatistics ToQdiscStatistics(const netlink::Qdisc& qdisc);

}  // namespace tcpfleet::agent
