// What the kernels of the fleet count.
//
// Errors:  those of AgentClient; DataLoss names what an agent cannot have meant: no or several
//          snapshots, none of whose namespaces is its own, more entries, longer text or other
//          numbers than an agent sends.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <functional>
#include <stop_token>
#include <vector>

#include "controller/fleet/fleet.h"
#include "controller/fleet/snapshots.h"
#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::controller {

// One entry per member, in order, each within fleet.timeout(). An OK one has its own namespace
// first. When `stop` is requested the calls under way are cancelled.
std::vector<absl::StatusOr<v1::KernelSnapshot>> SnapshotKernels(
    Fleet& fleet, const v1::SnapshotKernelRequest& request, const std::stop_token& stop = {});

struct KernelLook {
  v1::KernelSnapshot snapshot;
  AgentSnapshot connections;  // those of request.pick
};
// The same, and with the connections picked; asks each member for what it is to be asked.
std::vector<absl::StatusOr<KernelLook>> LookAtKernels(
    Fleet& fleet, const std::function<v1::SnapshotKernelRequest(size_t member)>& request_for,
    const std::stop_token& stop);

// Called by gRPC's threads, for several members at a time, for one in order: short, never blocking.
// An error is the last that is heard of the member.
using OnKernelSnapshot =
    std::function<void(size_t member, absl::StatusOr<v1::KernelSnapshot> snapshot)>;

// Watches every member until all of them have failed or `stop` is requested; after that nothing
// more is heard.
void WatchKernels(Fleet& fleet, const v1::WatchKernelRequest& request,
                  const OnKernelSnapshot& on_snapshot, const std::stop_token& stop);

// OK when an agent can have sent this.
absl::Status CheckKernelSnapshot(const v1::KernelSnapshot& snapshot);

}  // namespace tcpfleet::controller
