#include "tests/unit/controller/rollout/simulated_agent.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

namespace tcpfleet::controller {

SimulatedAgent::SimulatedAgent(FakeAgentClient& client, FakeClock& clock) : clock_(clock) {
  client.prepare_sysctls = [this](const auto& request) { return Prepare(request); };
  client.apply_sysctls = [this](const auto& request) { return Apply(request); };
  client.confirm_sysctls = [this](const auto& request) { return Confirm(request); };
  client.rollback_sysctls = [this](const auto& request) { return RollBack(request); };
  client.list_sysctl_transactions = [this](const auto&, const auto& on_message) {
    v1::ListSysctlTransactionsResponse response;
    *response.mutable_transactions() = {transactions.begin(), transactions.end()};
    if (list_error.ok()) on_message(std::move(response));
    return list_error;
  };
  client.snapshot_kernel = [this](const auto&, const auto& on_message) {
    if (snapshot_error.ok()) on_message(Snapshot());
    return snapshot_error;
  };
}

void SimulatedAgent::Expire() {
  if (transactions.empty()) return;
  if (transactions.front().state() == v1::SysctlTransaction::STATE_UNCONFIRMED) {
    transactions.front().set_state(v1::SysctlTransaction::STATE_REVERTED);
  }
}

bool SimulatedAgent::HasChange() const {
  return NewestState() == v1::SysctlTransaction::STATE_UNCONFIRMED ||
         NewestState() == v1::SysctlTransaction::STATE_CONFIRMED;
}

v1::SysctlTransaction::State SimulatedAgent::NewestState() const {
  return transactions.empty() ? v1::SysctlTransaction::STATE_UNSPECIFIED
                              : transactions.front().state();
}

absl::StatusOr<v1::PrepareSysctlsResponse> SimulatedAgent::Prepare(
    const v1::PrepareSysctlsRequest& request) {
  if (!prepare_error.ok()) return prepare_error;
  v1::PrepareSysctlsResponse response;
  if (request.release()) {
    if (holder == request.holder()) holder.clear();
    return response;
  }
  if (!refusal.empty() || (!holder.empty() && holder != request.holder())) {
    v1::SysctlRefusal& why = *response.add_refusals();
    why.set_kind(refusal.empty() ? "held" : "policy");
    why.set_why(refusal.empty() ? "by another" : refusal);
    return response;
  }
  holder = request.holder();
  response.set_reserved(true);
  if (NewestState() == v1::SysctlTransaction::STATE_CONFIRMED) {
    response.set_already(static_cast<uint32_t>(request.set().changes_size()));
  }
  return response;
}

absl::StatusOr<v1::ApplySysctlsResponse> SimulatedAgent::Apply(
    const v1::ApplySysctlsRequest& request) {
  if (!apply_error.ok()) return apply_error;
  v1::ApplySysctlsResponse response;
  response.set_outcome(outcome);
  if (holder != request.holder()) {
    response.set_outcome(v1::ApplySysctlsResponse::OUTCOME_REFUSED);
    response.add_refusals()->set_kind("held");
    return response;
  }
  if (outcome == v1::ApplySysctlsResponse::OUTCOME_APPLIED) {
    ++applied;
    v1::SysctlTransaction& transaction = transactions.emplace_front();
    transaction.set_id(absl::StrCat("transaction-", transactions.size()));
    transaction.set_state(v1::SysctlTransaction::STATE_UNCONFIRMED);
    *transaction.mutable_set() = request.set();
    response.set_transaction(transaction.id());
  }
  if (on_apply) on_apply();
  if (apply_answer_is_lost) return absl::UnavailableError("the answer was lost");
  return response;
}

absl::StatusOr<v1::ConfirmSysctlsResponse> SimulatedAgent::Confirm(
    const v1::ConfirmSysctlsRequest& request) {
  if (!confirm_error.ok()) return confirm_error;
  if (transactions.empty() || transactions.front().id() != request.transaction() ||
      NewestState() != v1::SysctlTransaction::STATE_UNCONFIRMED) {
    return absl::FailedPreconditionError("does not wait to be confirmed");
  }
  transactions.front().set_state(v1::SysctlTransaction::STATE_CONFIRMED);
  if (confirm_answer_is_lost) return absl::DeadlineExceededError("the answer was lost");
  v1::ConfirmSysctlsResponse response;
  *response.mutable_transaction() = transactions.front();
  return response;
}

absl::StatusOr<v1::RollbackSysctlsResponse> SimulatedAgent::RollBack(
    const v1::RollbackSysctlsRequest& request) {
  if (!rollback_error.ok()) return rollback_error;
  const auto found =
      std::find_if(transactions.begin(), transactions.end(), [&](const auto& transaction) {
        return request.transaction().empty() ? transaction.set().plan_id() == request.plan_id()
                                             : transaction.id() == request.transaction();
      });
  if (found == transactions.end()) return absl::NotFoundError("no such transaction");
  if (found->state() != v1::SysctlTransaction::STATE_UNCONFIRMED &&
      found->state() != v1::SysctlTransaction::STATE_CONFIRMED) {
    return absl::FailedPreconditionError("has ended");
  }
  found->set_state(v1::SysctlTransaction::STATE_ROLLED_BACK);
  v1::RollbackSysctlsResponse response;
  *response.mutable_transaction() = *found;
  return response;
}

v1::SnapshotKernelResponse SimulatedAgent::Snapshot() {
  if (HasChange()) counted_ += overflows;
  v1::SnapshotKernelResponse response;
  v1::KernelSnapshot& snapshot = *response.mutable_snapshot();
  snapshot.set_boot_id("11111111-2222-3333-4444-555555555555");
  snapshot.set_monotonic_ns(clock_.now_ns + 1);
  v1::NamespaceStatistics& statistics = *snapshot.add_namespaces();
  statistics.set_network_namespace(1);
  for (const char* counter : {"TcpExt.ListenDrops", "TcpExt.TCPTimeouts", "Tcp.RetransSegs",
                              "TcpExt.TCPSynRetrans", "Tcp.OutSegs", "Tcp.EstabResets",
                              "Tcp.OutRsts", "Tcp.AttemptFails", "TcpExt.TCPAbortOnMemory"}) {
    (*statistics.mutable_counters())[counter] = 0;
  }
  (*statistics.mutable_counters())["TcpExt.ListenOverflows"] = counted_;
  (*statistics.mutable_counters())["TcpExt.ListenDrops"] = counted_;
  return response;
}

}  // namespace tcpfleet::controller
