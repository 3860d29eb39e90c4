// A rollout before anything is done: its waves, and whether it could be done at all.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>

#include "controller/fleet/fleet.h"
#include "tcpfleet/v1/tuning.pb.h"

namespace tcpfleet::controller {

namespace rollout_state {
inline constexpr char kPlanned[] = "planned";
inline constexpr char kRunning[] = "running";
inline constexpr char kDone[] = "done";
inline constexpr char kRefused[] = "refused";
inline constexpr char kStopped[] = "stopped";
inline constexpr char kInterrupted[] = "interrupted";
}  // namespace rollout_state

namespace wave_state {
inline constexpr char kWaiting[] = "waiting";
inline constexpr char kApplying[] = "applying";
inline constexpr char kSoaking[] = "soaking";
inline constexpr char kConfirmed[] = "confirmed";
inline constexpr char kRolledBack[] = "rolled-back";
// Not every host of it could be rolled back, or it was not to be.
inline constexpr char kFailed[] = "failed";
}  // namespace wave_state

// That a wave can be watched and confirmed before it reverts by itself. InvalidArgument names the
// option.
absl::Status CheckSettings(const v1::RolloutSettings& settings, absl::Duration timeout);

// Nothing done yet. InvalidArgument when the batches do not fit the hosts.
absl::StatusOr<v1::RolloutReport> NewRollout(const v1::SysctlPlan& plan,
                                             const v1::RolloutSettings& settings,
                                             const std::string& holder);

// FailedPrecondition names the hosts of the plan that the fleet does not have, or has elsewhere.
absl::Status CheckFleetHasHosts(const v1::SysctlPlan& plan, Fleet& fleet);

}  // namespace tcpfleet::controller
