// What will break in a run on this host, said before it starts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/load/local_ports.h"
#include "agent/load/plan.h"

namespace tcpfleet::agent {

// Settings and state of the host that bound a run; absent when they could not be read.
struct HostBounds {
  std::optional<uint64_t> open_files;  // soft RLIMIT_NOFILE
  std::optional<LocalPorts> ports;
  std::optional<uint64_t> available_memory_bytes;
  // Sysctls by their last name.
  std::optional<uint64_t> somaxconn;
  std::optional<uint64_t> tcp_max_syn_backlog;
  std::optional<uint64_t> tcp_syncookies;
  std::optional<uint64_t> tcp_max_tw_buckets;
  std::optional<uint64_t> tcp_tw_reuse;
  std::optional<uint64_t> tcp_fastopen;
  std::optional<uint64_t> rmem_max;
  std::optional<uint64_t> wmem_max;
  // Where connections are tracked.
  std::optional<uint64_t> nf_conntrack_max;
  std::optional<uint64_t> nf_conntrack_count;
};

// Of the calling thread's network namespace.
HostBounds ReadHostBounds();

// Each line: what breaks, at which count, and the setting that changes it.
struct PreflightResult {
  std::vector<std::string> warnings;
  std::vector<std::string> blockers;  // what will surely break
};
PreflightResult CheckHost(const RunPlan& plan, const HostBounds& bounds);

}  // namespace tcpfleet::agent
