#include "controller/rollout/host_steps.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <map>
#include <stop_token>
#include <utility>

#include "common/sysctl/key.h"
#include "controller/cli/text.h"
#include "controller/fleet/failure.h"
#include "controller/rollout/transactions.h"
#include "controller/rollout/unary_calls.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::Duration kBetweenTries = absl::Seconds(1);

void Become(const char* state, const std::string& why, v1::RolloutHost& host) {
  host.set_state(state);
  host.set_why(Printable(why));
}

std::string CauseOf(const RolloutTarget& target, const absl::Status& status) {
  return DescribeFailure(target.member->target, status).cause();
}

// The agent has said no; everything else leaves open what it has done.
bool IsRefusal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

std::string RefusalText(const google::protobuf::RepeatedPtrField<v1::SysctlRefusal>& refusals) {
  return absl::StrJoin(refusals, "; ", [](std::string* out, const v1::SysctlRefusal& refusal) {
    if (!refusal.key().empty()) absl::StrAppend(out, sysctl::DottedKey(refusal.key()), ": ");
    absl::StrAppend(out, refusal.kind(), ": ", refusal.why());
  });
}

void TakeApplied(const v1::ApplySysctlsResponse& answer, v1::RolloutHost& host) {
  *host.mutable_side_effects() = answer.side_effects();
  if (IsTransactionId(answer.transaction())) host.set_transaction(answer.transaction());
  switch (answer.outcome()) {
    case v1::ApplySysctlsResponse::OUTCOME_APPLIED:
      if (!host.transaction().empty()) return Become(host_state::kApplied, "", host);
      break;
    case v1::ApplySysctlsResponse::OUTCOME_UNCHANGED:
      return Become(host_state::kUnchanged, "", host);
    case v1::ApplySysctlsResponse::OUTCOME_REFUSED:
      return Become(host_state::kRefused, RefusalText(answer.refusals()), host);
    case v1::ApplySysctlsResponse::OUTCOME_RESTORED:
      return Become(host_state::kRestored, answer.why(), host);
    case v1::ApplySysctlsResponse::OUTCOME_DAMAGED:
      return Become(host_state::kDamaged, answer.why(), host);
    default:
      break;
  }
  Become(host_state::kRevertsByItself,
         "its agent's answer makes no sense: is it of another version?", host);
}

void TakeTransaction(const v1::SysctlTransaction& transaction, v1::RolloutHost& host) {
  host.set_transaction(transaction.id());
  switch (transaction.state()) {
    case v1::SysctlTransaction::STATE_CONFIRMED:
      return Become(host_state::kConfirmed, "", host);
    case v1::SysctlTransaction::STATE_REVERTED:
    case v1::SysctlTransaction::STATE_ROLLED_BACK:
      return Become(host_state::kRolledBack, transaction.why(), host);
    case v1::SysctlTransaction::STATE_RESTORED:
      return Become(host_state::kRestored, transaction.why(), host);
    case v1::SysctlTransaction::STATE_DAMAGED:
      return Become(host_state::kDamaged, transaction.why(), host);
    default:
      return Become(host_state::kApplied, "", host);
  }
}

RolloutTargets In(const RolloutTargets& targets, std::initializer_list<absl::string_view> states) {
  RolloutTargets chosen;
  for (const RolloutTarget& target : targets) {
    if (std::find(states.begin(), states.end(), target.host->state()) != states.end()) {
      chosen.push_back(target);
    }
  }
  return chosen;
}

}  // namespace

bool HasFailed(const v1::RolloutHost& host) {
  return host.state() != host_state::kWaiting && host.state() != host_state::kUnchanged &&
         host.state() != host_state::kApplied && host.state() != host_state::kConfirmed;
}

std::vector<absl::StatusOr<v1::PrepareSysctlsResponse>> HostSteps::Prepare(
    const RolloutTargets& targets, bool release) {
  return CallEach<v1::PrepareSysctlsResponse>(
      targets.size(), fleet_.parallel(), [&](size_t i, OnResponse<v1::PrepareSysctlsResponse> on) {
        v1::PrepareSysctlsRequest request;
        *request.mutable_set() = targets[i].planned->set();
        request.set_holder(report_.holder());
        request.set_lease_seconds(absl::ToDoubleSeconds(kReservationLease));
        request.set_release(release);
        targets[i].member->client->PrepareSysctls(request, fleet_.timeout(), std::move(on));
      });
}

void HostSteps::Reserve(const RolloutTargets& all) {
  const RolloutTargets targets = In(all, {host_state::kWaiting});
  const auto answers = Prepare(targets, /*release=*/false);
  for (size_t i = 0; i < targets.size(); ++i) {
    v1::RolloutHost& host = *targets[i].host;
    const absl::StatusOr<v1::PrepareSysctlsResponse>& answer = answers[i];
    if (!answer.ok()) {
      Become(IsRefusal(answer.status()) ? host_state::kRefused : host_state::kUnreachable,
             CauseOf(targets[i], answer.status()), host);
      *report_.add_failures() = DescribeFailure(targets[i].member->target, answer.status());
    } else if (!answer->refusals().empty()) {
      Become(host_state::kRefused, RefusalText(answer->refusals()), host);
    } else if (!answer->reserved()) {
      Become(host_state::kRefused, "its agent did not reserve the host and does not say why", host);
    } else if (answer->already() ==
               static_cast<uint32_t>(targets[i].planned->set().changes_size())) {
      Become(host_state::kUnchanged, "", host);
    }
  }
}

void HostSteps::Renew(const RolloutTargets& targets) {
  Prepare(In(targets, {host_state::kWaiting}), /*release=*/false);
}

void HostSteps::Release(const RolloutTargets& targets) { Prepare(targets, /*release=*/true); }

void HostSteps::Apply(const RolloutTargets& all) {
  const RolloutTargets targets = In(all, {host_state::kWaiting});
  const auto answers = CallEach<v1::ApplySysctlsResponse>(
      targets.size(), fleet_.parallel(), [&](size_t i, OnResponse<v1::ApplySysctlsResponse> on) {
        v1::ApplySysctlsRequest request;
        *request.mutable_set() = targets[i].planned->set();
        request.set_holder(report_.holder());
        request.set_confirm_within_seconds(report_.settings().confirm_within_seconds());
        targets[i].member->client->ApplySysctls(request, fleet_.timeout(), std::move(on));
      });
  for (size_t i = 0; i < targets.size(); ++i) {
    v1::RolloutHost& host = *targets[i].host;
    if (answers[i].ok()) {
      TakeApplied(*answers[i], host);
    } else if (IsRefusal(answers[i].status())) {
      Become(host_state::kRefused, CauseOf(targets[i], answers[i].status()), host);
    } else {
      Become(host_state::kRevertsByItself,
             absl::StrCat("no answer to the change: ", CauseOf(targets[i], answers[i].status())),
             host);
    }
  }
}

void HostSteps::Confirm(const RolloutTargets& all) {
  const RolloutTargets targets = In(all, {host_state::kApplied});
  const auto answers = CallEach<v1::ConfirmSysctlsResponse>(
      targets.size(), fleet_.parallel(), [&](size_t i, OnResponse<v1::ConfirmSysctlsResponse> on) {
        v1::ConfirmSysctlsRequest request;
        request.set_transaction(targets[i].host->transaction());
        request.set_holder(report_.holder());
        targets[i].member->client->ConfirmSysctls(request, fleet_.timeout(), std::move(on));
      });
  RolloutTargets unsure;
  std::vector<std::string> causes;
  for (size_t i = 0; i < targets.size(); ++i) {
    const bool confirmed = answers[i].ok() && answers[i]->transaction().state() ==
                                                  v1::SysctlTransaction::STATE_CONFIRMED;
    if (confirmed) {
      Become(host_state::kConfirmed, "", *targets[i].host);
      continue;
    }
    unsure.push_back(targets[i]);
    causes.push_back(answers[i].ok() ? "its agent did not keep the change"
                                     : CauseOf(targets[i], answers[i].status()));
  }
  // The answer may have been lost, not the request.
  const auto found = NewestTransactions(unsure);
  for (size_t i = 0; i < unsure.size(); ++i) {
    if (found[i].ok() && !found[i]->id().empty()) TakeTransaction(*found[i], *unsure[i].host);
    if (unsure[i].host->state() == host_state::kApplied) {
      Become(host_state::kRevertsByItself, absl::StrCat("not confirmed: ", causes[i]),
             *unsure[i].host);
    }
  }
}

void HostSteps::RollBackOnce(const RolloutTargets& targets, const std::string& reason) {
  const auto answers = CallEach<v1::RollbackSysctlsResponse>(
      targets.size(), fleet_.parallel(), [&](size_t i, OnResponse<v1::RollbackSysctlsResponse> on) {
        v1::RollbackSysctlsRequest request;
        if (targets[i].host->transaction().empty()) {
          request.set_plan_id(report_.plan().id());
        } else {
          request.set_transaction(targets[i].host->transaction());
        }
        // As the agent's own timer does: the wave was never agreed to.
        request.set_force(true);
        request.set_author(report_.plan().author());
        request.set_reason(reason);
        targets[i].member->client->RollbackSysctls(request, fleet_.timeout(), std::move(on));
      });
  RolloutTargets unsure;
  for (size_t i = 0; i < targets.size(); ++i) {
    const bool rolled_back = answers[i].ok() && answers[i]->transaction().state() ==
                                                    v1::SysctlTransaction::STATE_ROLLED_BACK;
    if (rolled_back) {
      Become(host_state::kRolledBack, "", *targets[i].host);
    } else {
      unsure.push_back(targets[i]);
    }
  }
  const auto found = NewestTransactions(unsure);
  for (size_t i = 0; i < unsure.size(); ++i) {
    const bool is_known = found[i].ok() && !found[i]->id().empty();
    v1::RolloutHost seen = *unsure[i].host;
    if (is_known) TakeTransaction(*found[i], seen);
    if (HasFailed(seen) || seen.state() == host_state::kConfirmed) *unsure[i].host = seen;
  }
}

void HostSteps::RollBack(const RolloutTargets& all, const std::string& reason) {
  const auto remaining = [&] {
    return In(all, {host_state::kApplied, host_state::kConfirmed, host_state::kRevertsByItself});
  };
  for (int tries = 0; tries < kRollbackTries && !remaining().empty(); ++tries) {
    if (tries > 0) {
      clock_.SleepUntil(clock_.MonotonicNs() + absl::ToInt64Nanoseconds(kBetweenTries), {});
    }
    RollBackOnce(remaining(), reason);
  }
  for (const RolloutTarget& target : remaining()) {
    v1::RolloutHost& host = *target.host;
    if (host.state() == host_state::kConfirmed) {
      Become(host_state::kUnreachable,
             absl::StrCat("has the change, confirmed, and could not be rolled back: try 'tcpfleet "
                          "sysctl rollback ",
                          host.transaction(), "'"),
             host);
    } else if (host.state() == host_state::kApplied) {
      Become(host_state::kRevertsByItself, "could not be rolled back", host);
    }
  }
}

std::vector<absl::StatusOr<v1::SysctlTransaction>> HostSteps::NewestTransactions(
    const RolloutTargets& targets) {
  std::vector<absl::StatusOr<v1::SysctlTransaction>> newest(targets.size(),
                                                            v1::SysctlTransaction());
  if (targets.empty()) return newest;
  std::map<const FleetMember*, size_t> indices;
  for (size_t i = 0; i < targets.size(); ++i) indices[targets[i].member] = i;
  const std::vector<HostAnswer> answers = ListTransactions(
      fleet_, /*log=*/false, [&](const FleetMember& member) { return indices.count(&member) > 0; },
      std::stop_token());
  for (size_t i = 0; i < answers.size(); ++i) {
    const auto found = indices.find(&fleet_.members()[i]);
    if (found == indices.end()) continue;
    absl::StatusOr<v1::SysctlTransaction>& entry = newest[found->second];
    if (!answers[i].status.ok()) {
      entry = answers[i].status;
      continue;
    }
    for (const v1::SysctlTransaction& transaction : answers[i].said.transactions()) {
      if (transaction.set().plan_id() != report_.plan().id()) continue;
      entry = transaction;
      break;
    }
  }
  return newest;
}

void HostSteps::Look(const RolloutTargets& targets) {
  const auto found = NewestTransactions(targets);
  for (size_t i = 0; i < targets.size(); ++i) {
    v1::RolloutHost& host = *targets[i].host;
    if (!found[i].ok()) {
      Become(host_state::kUnreachable, CauseOf(targets[i], found[i].status()), host);
      *report_.add_failures() = DescribeFailure(targets[i].member->target, found[i].status());
      continue;
    }
    host.clear_transaction();
    host.clear_side_effects();
    Become(host_state::kWaiting, "", host);
    if (!found[i]->id().empty()) TakeTransaction(*found[i], host);
    if (host.state() == host_state::kRolledBack || host.state() == host_state::kRestored) {
      host.clear_transaction();
      Become(host_state::kWaiting, "", host);
    }
  }
}

}  // namespace tcpfleet::controller
