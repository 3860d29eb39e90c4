// Tables with a line per CPU, in hexadecimal.
//
// Errors: DataLoss names the line that is not understood.
// Bounds: kMostCpus lines; more are an error.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostCpus = 8192;

// /proc/net/softnet_stat. Kernels before 5.10 do not number their lines, which are then those of
// CPUs without a gap. Source: softnet_seq_show of net/core/net-procfs.c.
absl::StatusOr<std::vector<v1::SoftnetCpu>> ParseSoftnet(absl::string_view text);

// /proc/net/stat/{nf_conntrack,arp_cache,ndisc_cache}: a line of names, then the values.
struct CpuTable {
  uint64_t entries = 0;                             // of the whole table; every CPU says the same
  absl::btree_map<std::string, uint64_t> counters;  // summed over CPUs
};
absl::StatusOr<CpuTable> ParseCpuTable(absl::string_view text);

}  // namespace tcpfleet::agent
