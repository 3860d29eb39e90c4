// Snapshots of every host's network stack, one round after the other.
//
// Threads: not thread-safe.
// Bounds:  three snapshots of each host: its first, the one before, the latest.
#pragma once

#include <absl/status/status.h>
#include <absl/types/span.h>

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "controller/audit/sysctl_readings.h"
#include "controller/fleet/fleet.h"
#include "controller/fleet/hello.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

class StackReader {
 public:
  // `fleet` must outlive it.
  StackReader(Fleet& fleet, v1::SnapshotKernelRequest request)
      : fleet_(fleet), request_(std::move(request)), members_(fleet.size()) {}

  // Who the hosts are and their parameters; once, before the first round.
  void Introduce(base::Clock& clock, const std::stop_token& stop);
  void TakeRound(const std::stop_token& stop);

  // Hosts that answered the latest round: with the one before it, when they answered that.
  std::vector<v1::StackHost> LatestRound() const;
  // Every host that ever answered, from its first snapshot to its latest, and who failed.
  v1::StackReport Whole() const;

  absl::Span<const SysctlReading> sysctls() const { return sysctls_; }

 private:
  struct Member {
    v1::DescribeResponse host;
    std::optional<v1::KernelSnapshot> first;
    std::optional<v1::KernelSnapshot> before;
    std::optional<v1::KernelSnapshot> latest;
    // The first failure, and whether it had answered before.
    absl::Status failure;
    bool failed_later = false;
  };

  void Fail(Member& member, const absl::Status& status);
  v1::StackHost HostOf(size_t index, const v1::KernelSnapshot& first) const;

  Fleet& fleet_;
  const v1::SnapshotKernelRequest request_;
  std::vector<Member> members_;
  std::vector<SysctlReading> sysctls_;
};

}  // namespace tcpfleet::controller
