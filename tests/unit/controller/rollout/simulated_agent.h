// An agent that reserves, applies, confirms and rolls back in memory, and fails as it is told to.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::controller {

class SimulatedAgent {
 public:
  // What `client` answers from now on is this object's.
  SimulatedAgent(FakeAgentClient& client, FakeClock& clock);
  SimulatedAgent(const SimulatedAgent&) = delete;
  SimulatedAgent& operator=(const SimulatedAgent&) = delete;

  // What an unconfirmed transaction comes to when its time is over; also a restart of the agent.
  void Expire();
  // In force: of a transaction that is unconfirmed or confirmed.
  bool HasChange() const;
  v1::SysctlTransaction::State NewestState() const;

  // An error instead of an answer; for calls with an effect, before or after it.
  absl::Status prepare_error;
  absl::Status apply_error;
  bool apply_answer_is_lost = false;
  absl::Status confirm_error;
  bool confirm_answer_is_lost = false;
  absl::Status rollback_error;
  absl::Status list_error;
  absl::Status snapshot_error;
  std::string refusal;  // of Prepare and Apply
  v1::ApplySysctlsResponse::Outcome outcome = v1::ApplySysctlsResponse::OUTCOME_APPLIED;
  // The counter grows by so much per snapshot once the change is there.
  uint64_t overflows = 0;
  std::function<void()> on_apply;  // after the effect

  std::string holder;                              // of the reservation
  std::deque<v1::SysctlTransaction> transactions;  // newest first
  int applied = 0;

 private:
  absl::StatusOr<v1::PrepareSysctlsResponse> Prepare(const v1::PrepareSysctlsRequest& request);
  absl::StatusOr<v1::ApplySysctlsResponse> Apply(const v1::ApplySysctlsRequest& request);
  absl::StatusOr<v1::ConfirmSysctlsResponse> Confirm(const v1::ConfirmSysctlsRequest& request);
  absl::StatusOr<v1::RollbackSysctlsResponse> RollBack(const v1::RollbackSysctlsRequest& request);
  v1::SnapshotKernelResponse Snapshot();

  FakeClock& clock_;
  uint64_t counted_ = 0;
};

}  // namespace tcpfleet::controller
