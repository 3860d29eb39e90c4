// The statistics of the calling thread's network namespace.
#pragma once

#include <cstdint>
#include <memory>

#include "agent/kernel/connection_picker.h"
#include "agent/kernel/kernel_files.h"
#include "agent/kernel/socket_counts.h"
#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::agent {

// Everything of `plan` but sockets. What the kernel says of the whole host in files of the
// namespace goes to `host`, unless that is null.
void ReadNamespace(const v1::SnapshotKernelRequest& plan, KernelFiles& files,
                   v1::NamespaceStatistics& to, v1::HostStatistics* host);

struct SocketCounting {
  std::unique_ptr<SocketCounts> counts;  // null: sockets cannot be read
  bool gap = false;
  uint64_t torn = 0;
};
// PART_SOCKETS or PART_LISTENERS of `plan`. What is counted goes to `picker`, too, unless that is
// null.
SocketCounting CountSockets(const v1::SnapshotKernelRequest& plan, uint64_t network_namespace,
                            KernelFiles& files, SocketBudget& budget, ConnectionPicker* picker);

bool Wants(const v1::SnapshotKernelRequest& plan, v1::SnapshotKernelRequest::Part part);

}  // namespace tcpfleet::agent
