// One TCP connection at one moment, as every sampler delivers it and every view reads it.
#pragma once

#include <absl/types/span.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/base/ip_address.h"
#include "common/sockets/field_values.h"

namespace tcpfleet::sockets {

// A program that owns sockets. Shared by all of them.
struct Process {
  uint32_t pid = 0;
  uint64_t start_ticks = 0;  // since boot, in clock ticks: with the pid it names a process for ever
  std::string comm;
  std::string command_line;  // arguments joined by blanks; empty for kernel threads
  bool operator==(const Process&) const = default;
};

// What identifies and describes a connection for its whole life.
struct ConnectionIdentity {
  uint64_t cookie = 0;
  uint64_t network_namespace = 0;
  base::Endpoint local;
  base::Endpoint remote;
  uint32_t interface = 0;
  std::optional<uint32_t> uid;
  uint64_t inode = 0;
  std::shared_ptr<const Process> process;  // null: not looked for, or not found
  std::optional<uint64_t> cgroup_id;
  std::shared_ptr<const std::string> cgroup;  // path below the cgroup2 mount; null: unknown
  std::string congestion_control;

  // Compares what the pointers point to.
  bool operator==(const ConnectionIdentity& other) const;
};

// True when `now` says something of the connection that `known` does not; that something is no
// longer known says nothing.
bool SaysMore(const ConnectionIdentity& known, const ConnectionIdentity& now);

struct ConnectionSample {
  ConnectionIdentity identity;
  FieldValues values;
  // Bytes of tcp_info beyond the fields this version knows.
  std::string tcp_info_tail;

  bool operator==(const ConnectionSample&) const = default;
};

// FieldValues::SetTcpInfo; bytes beyond what this version knows go to sample.tcp_info_tail.
void ReadTcpInfoInto(absl::Span<const std::byte> raw, int64_t monotonic_ns,
                     ConnectionSample& sample);

}  // namespace tcpfleet::sockets
