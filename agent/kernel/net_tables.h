// Counters and levels of one network namespace, named TABLE.COLUMN.
//
// Errors: DataLoss names what the kernel cannot have written. Tables and columns come and go with
//         kernels: those not known here are taken as they are, or left out with their table.
// Source: net/ipv4/proc.c, net/ipv6/proc.c.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tcpfleet::agent {

struct NetTables {
  std::vector<std::pair<std::string, uint64_t>> counters;
  std::vector<std::pair<std::string, int64_t>> levels;
};

// /proc/net/snmp and /proc/net/netstat: Tcp, TcpExt, Ip, IpExt, Icmp, Udp.
absl::StatusOr<NetTables> ParseColumnTables(absl::string_view text);
// /proc/net/snmp6: Ip6, Icmp6, Udp6.
absl::StatusOr<NetTables> ParseSnmp6(absl::string_view text);
// /proc/net/sockstat and /proc/net/sockstat6: levels only.
absl::StatusOr<NetTables> ParseSockstat(absl::string_view text);

}  // namespace tcpfleet::agent
