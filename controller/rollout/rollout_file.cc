#include "controller/rollout/rollout_file.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "controller/rollout/host_steps.h"
#include "controller/rollout/message_file.h"
#include "controller/rollout/plan_file.h"
#include "controller/rollout/transactions.h"

namespace tcpfleet::controller {
namespace {

const char* const kHostStates[] = {host_state::kWaiting,    host_state::kUnchanged,
                                   host_state::kApplied,    host_state::kConfirmed,
                                   host_state::kRolledBack, host_state::kRevertsByItself,
                                   host_state::kRefused,    host_state::kRestored,
                                   host_state::kDamaged,    host_state::kUnreachable};

absl::Status CheckHost(const v1::RolloutHost& host) {
  if (std::none_of(std::begin(kHostStates), std::end(kHostStates),
                   [&](const char* state) { return host.state() == state; })) {
    return absl::InvalidArgumentError(
        absl::StrCat("host '", host.name(), "' is in no state of a rollout: '", host.state(), "'"));
  }
  if (host.transaction().empty() || IsTransactionId(host.transaction())) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("host '", host.name(), "' has a transaction that is none"));
}

}  // namespace

absl::Status CheckRollout(const v1::RolloutReport& report) {
  TF_RETURN_IF_ERROR(CheckPlan(report.plan()));
  if (report.holder().size() < 16 || report.holder().size() > 64) {
    return absl::InvalidArgumentError("its holder does not have 16 to 64 characters");
  }
  std::multiset<std::string> planned;
  for (const v1::PlannedHost& host : report.plan().hosts()) planned.insert(host.name());
  std::multiset<std::string> listed;
  for (const v1::RolloutWave& wave : report.waves()) {
    for (const v1::RolloutHost& host : wave.hosts()) {
      listed.insert(host.name());
      TF_RETURN_IF_ERROR(CheckHost(host));
    }
  }
  if (planned == listed) return absl::OkStatus();
  return absl::InvalidArgumentError("its hosts are not those of its plan");
}

absl::StatusOr<RolloutFile> RolloutFile::Hold(const std::string& plan_path) {
  absl::StatusOr<sys::AppendFile> lock = sys::AppendFile::Hold(plan_path);
  if (absl::IsFailedPrecondition(lock.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(plan_path, ": another controller is rolling this plan out"));
  }
  TF_RETURN_IF_ERROR(lock.status());
  return RolloutFile(plan_path + ".rollout", *std::move(lock));
}

absl::StatusOr<std::optional<v1::RolloutReport>> RolloutFile::Read(
    const v1::SysctlPlan& plan) const {
  v1::RolloutReport report;
  absl::Status status = ReadMessage(path_, report);
  if (absl::IsNotFound(status)) return std::nullopt;
  TF_RETURN_IF_ERROR(status);
  if (report.plan().id() == plan.id()) {
    *report.mutable_plan() = plan;
    status = CheckRollout(report);
  } else {
    status = absl::InvalidArgumentError("is of another plan: move it away");
  }
  if (!status.ok()) return base::WithContext(path_, status);
  return report;
}

absl::Status RolloutFile::Write(const v1::RolloutReport& report) const {
  v1::RolloutReport state;
  state.mutable_plan()->set_id(report.plan().id());
  *state.mutable_settings() = report.settings();
  *state.mutable_waves() = report.waves();
  state.set_state(report.state());
  state.set_why(report.why());
  *state.mutable_failures() = report.failures();
  state.set_holder(report.holder());
  return SaveMessage(state, path_);
}

}  // namespace tcpfleet::controller
