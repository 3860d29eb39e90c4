// What a rollout asks of hosts, all of them at once, and what becomes of each in its report.
//
// Threads: one caller; calls return when every host has answered or its time is over.
// Bounds:  fleet.parallel() calls at a time; a host that cannot be rolled back is asked
//          kRollbackTries times.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "controller/fleet/fleet.h"
#include "tcpfleet/v1/tuning.pb.h"

namespace tcpfleet::controller {

// How long a reservation lasts unless it is renewed.
inline constexpr absl::Duration kReservationLease = absl::Minutes(2);
inline constexpr int kRollbackTries = 3;

namespace host_state {
inline constexpr char kWaiting[] = "waiting";
inline constexpr char kUnchanged[] = "unchanged";
inline constexpr char kApplied[] = "applied";
inline constexpr char kConfirmed[] = "confirmed";
inline constexpr char kRolledBack[] = "rolled-back";
// It may have the change, but nobody will confirm it.
inline constexpr char kRevertsByItself[] = "reverts-by-itself";
inline constexpr char kRefused[] = "refused";
inline constexpr char kRestored[] = "restored";
inline constexpr char kDamaged[] = "damaged";
inline constexpr char kUnreachable[] = "unreachable";
}  // namespace host_state

// Not changed, and not because nothing was to be changed.
bool HasFailed(const v1::RolloutHost& host);

struct RolloutTarget {
  FleetMember* member = nullptr;
  const v1::PlannedHost* planned = nullptr;
  v1::RolloutHost* host = nullptr;
};
using RolloutTargets = std::vector<RolloutTarget>;

class HostSteps {
 public:
  // `report` has the plan, the settings and the holder; what is referred to outlives this.
  HostSteps(Fleet& fleet, base::Clock& clock, v1::RolloutReport& report)
      : fleet_(fleet), clock_(clock), report_(report) {}

  // Waiting hosts that cannot be had become refused or unreachable; those that have all changes
  // already, unchanged.
  void Reserve(const RolloutTargets& targets);
  // Whoever is refused now will be refused when it matters.
  void Renew(const RolloutTargets& targets);
  void Release(const RolloutTargets& targets);
  // Waiting hosts become anything but waiting.
  void Apply(const RolloutTargets& targets);
  // Applied hosts become confirmed, or revert by themselves.
  void Confirm(const RolloutTargets& targets);
  // Hosts that have, or may have, a transaction become rolled-back. Those that do not become so
  // are unreachable when they have been confirmed, and revert by themselves when not.
  void RollBack(const RolloutTargets& targets, const std::string& reason);
  // What hosts say themselves about this plan: waiting when they know of nothing, or have taken it
  // back.
  void Look(const RolloutTargets& targets);

 private:
  std::vector<absl::StatusOr<v1::PrepareSysctlsResponse>> Prepare(const RolloutTargets& targets,
                                                                  bool release);
  // The newest transaction of this plan on each host; without an id when there is none.
  std::vector<absl::StatusOr<v1::SysctlTransaction>> NewestTransactions(
      const RolloutTargets& targets);
  void RollBackOnce(const RolloutTargets& targets, const std::string& reason);

  Fleet& fleet_;
  base::Clock& clock_;
  v1::RolloutReport& report_;
};

}  // namespace tcpfleet::controller
