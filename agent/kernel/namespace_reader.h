// The statistics of the calling thread's network namespace.
#pragma once

#include <memory>

#include "agent/kernel/kernel_files.h"
#include "agent/kernel/socket_counts.h"
#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::agent {

// Everything of `plan` but sockets. What the kernel says of the whole host in files of the
// namespace goes to `host`, unless that is null.
void ReadNamespace(const v1::SnapshotKernelRequest& plan, KernelFiles& files,
                   v1::NamespaceStatistics& to, v1::HostStatistics* host);

// Sets `gap` and tells what was counted; null when sockets cannot be read.
std::unique_ptr<SocketCounts> CountSockets(bool owners, KernelFiles& files, SocketBudget& budget,
                                           bool& gap);

bool Wants(const v1::SnapshotKernelRequest& plan, v1::SnapshotKernelRequest::Part part);

}  // namespace tcpfleet::agent
