#pragma once

#include "agent/kernel/kernel_files.h"
#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::agent {

// What is the same in every network namespace. `files` are those of the host.
void ReadHost(const v1::SnapshotKernelRequest& plan, KernelFiles& files, v1::HostStatistics& to);

}  // namespace tcpfleet::agent
