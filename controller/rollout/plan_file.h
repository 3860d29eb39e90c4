// Plans as files, and what makes one trustworthy: its id is a hash of all it says.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>

#include "tcpfleet/v1/tuning.pb.h"

namespace tcpfleet::controller {

// Older plans are refused, by agents too.
inline constexpr absl::Duration kPlanLife = absl::Hours(1);

// Gives the plan its id and the sets of its hosts theirs, with their hashes.
void SealPlan(v1::SysctlPlan& plan);

// That it is as SealPlan left it, every host stands there once, and every set is well formed and of
// this plan. InvalidArgument with the host.
absl::Status CheckPlan(const v1::SysctlPlan& plan);

// FailedPrecondition: made more than kPlanLife ago, or by a clock that is ahead.
absl::Status CheckPlanAge(const v1::SysctlPlan& plan, absl::Time now);

// FailedPrecondition when something is there that is no plan.
absl::Status SaveSysctlPlan(const v1::SysctlPlan& plan, const std::string& path);

absl::StatusOr<v1::SysctlPlan> ReadSysctlPlan(const std::string& path);

}  // namespace tcpfleet::controller
