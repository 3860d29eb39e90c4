// Counters of the kernel's TCP, of the network namespace of the thread that reads them.
//
// Names:  the column's own for the tables Tcp and TcpExt, as in "ListenOverflows"; with the table
// in
//         front for what is taken of Ip and IpExt, whose columns repeat each other's names, as in
//         "Ip.InDiscards". Of those two only what says that packets were thrown away is taken.
//         Levels (CurrEstab) and settings (RtoMin, RtoMax, RtoAlgorithm, MaxConn) are no counters.
// Source: net/ipv4/proc.c; /proc/net/netstat and /proc/net/snmp.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <string>

#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

struct NetCounters {
  int64_t read_at_ns = 0;  // CLOCK_MONOTONIC
  absl::btree_map<std::string, uint64_t> values;
};

// Some 150 counters, a tenth of a millisecond. A file that is not there or cannot be understood is
// an error.
absl::StatusOr<NetCounters> ReadNetCounters(const std::string& directory = "/proc/thread-self/net");

// Adds the counters of one file. DataLoss when it is not pairs of lines "Table: words", the second
// with a number for every name of the first.
absl::Status ParseNetCounters(absl::string_view text, NetCounters& counters);

// What moved between two readings; counters that only one of them has are left out.
v1::KernelCounterChanges ChangesBetween(const NetCounters& before, const NetCounters& after);

}  // namespace tcpfleet::agent
