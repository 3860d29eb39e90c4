#include <absl/strings/str_format.h>

#include <cstdio>
#include <memory>

#include "common/base/status_macros.h"
#include "controller/fleet/kernel_snapshots.h"
#include "tests/bench/fleet.h"
#include "tests/bench/groups.h"
#include "tests/bench/process_usage.h"
#include "tests/bench/socket_holders.h"

namespace tcpfleet::bench {
namespace {

using Request = v1::SnapshotKernelRequest;

constexpr int kIdleSnapshots = 200;
constexpr int kCrowdSnapshots = 5;
constexpr int kCrowdConnections = 100'000;  // each is two sockets
constexpr Goal kIdleGoalMs = AtMost(2);
constexpr Goal kCrowdGoalMs = AtMost(1000);

absl::StatusOr<std::unique_ptr<controller::Fleet>> FleetOf(const Agent& agent) {
  controller::FleetOptions options;
  options.agents = {{agent.address(), agent.address(), {}}};
  options.timeout = absl::Seconds(60);
  return controller::Fleet::Open(std::move(options));
}

// CPU of the whole agent per snapshot, gRPC and all, in milliseconds.
absl::StatusOr<double> SnapshotCpuMs(const Agent& agent, const Request& request, int snapshots,
                                     uint64_t least_sockets) {
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<controller::Fleet> fleet, FleetOf(agent));
  TF_RETURN_IF_ERROR(controller::SnapshotKernels(*fleet, request)[0].status());  // connects
  TF_ASSIGN_OR_RETURN(const double ticks_before, CpuTicks(agent.pid()));
  for (int i = 0; i < snapshots; ++i) {
    TF_ASSIGN_OR_RETURN(const v1::KernelSnapshot snapshot,
                        controller::SnapshotKernels(*fleet, request)[0]);
    uint64_t sockets = 0;
    for (const auto& [state, count] : snapshot.namespaces(0).sockets().states()) sockets += count;
    if (sockets < least_sockets) {
      return absl::FailedPreconditionError(absl::StrFormat("saw %d sockets only", sockets));
    }
  }
  TF_ASSIGN_OR_RETURN(const double ticks_after, CpuTicks(agent.pid()));
  return (ticks_after - ticks_before) / TicksPerSecond() * 1000 / snapshots;
}

}  // namespace

absl::StatusOr<Measurements> MeasureKernelIdle(const BenchOptions& options) {
  TF_ASSIGN_OR_RETURN(const Agent agent, Agent::Start(options.client_cpu));
  Request owners;
  owners.set_owners(true);
  std::vector<double> plain_ms, owners_ms;
  for (int round = 0; round < options.rounds; ++round) {
    TF_ASSIGN_OR_RETURN(plain_ms.emplace_back(), SnapshotCpuMs(agent, {}, kIdleSnapshots, 0));
    TF_ASSIGN_OR_RETURN(owners_ms.emplace_back(), SnapshotCpuMs(agent, owners, kIdleSnapshots, 0));
  }
  return Measurements{FromRounds("kernel/idle/cpu", plain_ms, "ms", kIdleGoalMs),
                      FromRounds("kernel/idle/owners-cpu", owners_ms, "ms")};
}

absl::StatusOr<Measurements> MeasureKernelCrowd(const BenchOptions& options) {
  std::fprintf(stderr, "kernel: opening %d connections\n", kCrowdConnections);
  TF_ASSIGN_OR_RETURN(const SocketHolders holders,
                      SocketHolders::Start(kCrowdConnections, 0, options.server_cpu));
  TF_ASSIGN_OR_RETURN(const Agent agent, Agent::Start(options.client_cpu));
  Request sockets;
  sockets.add_parts(Request::PART_SOCKETS);
  Request owners = sockets;
  owners.set_owners(true);
  constexpr uint64_t kFewest = 2 * kCrowdConnections / kHolders * kHolders - 2 * kHolders;
  std::vector<double> plain_ms, owners_ms;
  for (int round = 0; round < options.rounds; ++round) {
    TF_ASSIGN_OR_RETURN(plain_ms.emplace_back(),
                        SnapshotCpuMs(agent, sockets, kCrowdSnapshots, kFewest));
    TF_ASSIGN_OR_RETURN(owners_ms.emplace_back(), SnapshotCpuMs(agent, owners, 1, kFewest));
  }
  TF_ASSIGN_OR_RETURN(const double resident_bytes, ResidentBytes(agent.pid()));
  return Measurements{FromRounds("kernel/200k/cpu", plain_ms, "ms", kCrowdGoalMs),
                      FromRounds("kernel/200k/owners-cpu", owners_ms, "ms"),
                      FromRounds("kernel/200k/rss", {resident_bytes / 1e6}, "MB")};
}

}  // namespace tcpfleet::bench
