// Names what only /proc and the cgroup mount know of connections: the process that owns them, the
// path of their cgroup.
//
// Threads: not thread-safe.
// Bounds:  those of SocketOwners and CgroupPaths; looks for a while per call and goes on with the
//          next.
#pragma once

#include <absl/time/time.h>
#include <absl/types/span.h>

#include "agent/sockets/cgroup_paths.h"
#include "agent/sockets/connection_table.h"
#include "agent/sockets/socket_owners.h"
#include "common/base/clock.h"
#include "common/sockets/connection_sample.h"

namespace tcpfleet::agent {

class Attribution {
 public:
  // `clock` must outlive this.
  explicit Attribution(const base::Clock* clock) : owners_(clock), cgroups_(clock) {}

  // Describes connections of the table; `budget` is for the search for processes, none for not
  // looking.
  void Describe(ConnectionTable& table, absl::Duration budget);

  // All at once: until every owner is found that can be, or `budget` is spent.
  void Describe(absl::Span<sockets::ConnectionSample> samples, bool processes,
                absl::Duration budget);

 private:
  bool DescribeRow(ConnectionTable& table, uint32_t slot, bool processes);

  SocketOwners owners_;
  CgroupPaths cgroups_;
  bool looks_for_processes_ = false;
};

}  // namespace tcpfleet::agent
