#include "agent/sysctl/transactions.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <utility>

#include "agent/sysctl/changes.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sysctl/key.h"
#include "common/sysctl/value.h"

namespace tcpfleet::agent {
namespace {

using google::protobuf::util::TimeUtil;
using Response = v1::ApplySysctlsResponse;
using State = v1::SysctlTransaction;

// Side effects and drifted values that are named; a host with more has been rebuilt meanwhile.
constexpr int kMostNamed = 1'000;

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(time));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Transactions>> Transactions::Open(Options options,
                                                                 const ChangeTarget* target,
                                                                 base::Clock* clock) {
  TF_ASSIGN_OR_RETURN(const sys::DurableDirectory state,
                      sys::DurableDirectory::Open(options.state_directory, options.before_step));
  // The log first: its lock keeps other agents out.
  TF_ASSIGN_OR_RETURN(ChangeLog log, ChangeLog::Open(options.state_directory + "/sysctl.log",
                                                     options.boot_id, clock, options.before_step));
  TF_ASSIGN_OR_RETURN(Journal journal, Journal::Open(state));
  return std::unique_ptr<Transactions>(
      new Transactions(std::move(options), target, clock, std::move(journal), std::move(log)));
}

absl::Status Transactions::Log(const v1::SysctlTransaction& transaction, const std::string& action,
                               const v1::SysctlChange& change, const std::string& result,
                               const Requester& who) {
  v1::SysctlLogEntry entry;
  entry.set_action(action);
  entry.set_transaction(transaction.id());
  entry.set_plan_id(transaction.set().plan_id());
  entry.set_author(who.author);
  entry.set_reason(who.reason);
  entry.set_peer(who.peer);
  entry.set_key(change.key());
  entry.set_old_value(change.old_value());
  entry.set_new_value(change.new_value());
  entry.set_result(result);
  return base::WithContext("log", log_.Append(std::move(entry)));
}

void Transactions::TryLog(const v1::SysctlTransaction& transaction, const std::string& action,
                          const v1::SysctlChange& change, const std::string& result,
                          const Requester& who) {
  absl::Status status = Log(transaction, action, change, result, who);
  if (status.ok()) status = log_.Sync();
  if (!status.ok()) log_trouble_ = std::string(status.message());
}

void Transactions::LogRefusal(const v1::SysctlChangeSet& set, const v1::SysctlRefusal& refusal,
                              const Requester& who) {
  v1::SysctlTransaction none;
  none.mutable_set()->set_plan_id(set.plan_id().substr(0, 64));
  TryLog(none, "refuse", NewChange(refusal.key(), "", ""),
         absl::StrCat(refusal.kind(), ": ", refusal.why()), who);
}

absl::Status Transactions::Begin(v1::SysctlTransaction& transaction, const Found& found,
                                 const Requester& who) {
  if (unsettled_ && !absl::IsNotFound(journal_.Read(unsettled_->id()).status())) {
    TF_RETURN_IF_ERROR(base::WithContext("journal", journal_.SetState(*unsettled_)));
  }
  unsettled_.reset();
  const absl::Status begun = base::WithContext("journal", journal_.Begin(transaction, found));
  absl::Status logged = begun;
  if (begun.ok()) {
    logged = Log(transaction, "apply", {}, "ok", who);
    if (logged.ok()) logged = log_.Sync();
  }
  // Nothing is written, but the disk may say that it is about to be.
  if (!logged.ok() && !transaction.id().empty()) {
    Finish(transaction, State::STATE_RESTORED, ResultOf(logged));
  }
  return logged;
}

absl::Status Transactions::WriteValues(const v1::SysctlTransaction& transaction,
                                       const ChangePlan& plan, std::vector<std::string>& tried) {
  for (const v1::SysctlChange& change : plan.to_write) {
    tried.push_back(change.key());
    const absl::Status written = target_->Write(change.key(), change.new_value());
    TF_RETURN_IF_ERROR(Log(transaction, "write", change, ResultOf(written), {}));
    if (!written.ok()) return base::WithContext(sysctl::DottedKey(change.key()), written);
  }
  return absl::OkStatus();
}

absl::Status Transactions::CheckValues(const v1::SysctlTransaction& transaction, const Found& found,
                                       v1::ApplySysctlsResponse& response) {
  const std::vector<std::string> keys = KeysOf(transaction.set());
  const ParameterValues now = target_->ReadValues(keys);
  for (const v1::SysctlChange& change : transaction.set().changes()) {
    const auto value = now.values.find(change.key());
    if (value == now.values.end() ||
        sysctl::Canonical(change.key(), value->second) != change.new_value()) {
      return absl::FailedPreconditionError(absl::StrCat(
          sysctl::DottedKey(change.key()),
          " was written and is another at the end: a later change or somebody else moved it"));
    }
  }
  for (const v1::SysctlChange& moved : Differences(found.values, now.values)) {
    if (std::find(keys.begin(), keys.end(), moved.key()) == keys.end()) {
      *response.add_side_effects() = moved;
    }
  }
  if (response.side_effects_size() > kMostNamed) {
    return absl::FailedPreconditionError(
        absl::StrCat(response.side_effects_size(), " other parameters moved"));
  }
  if (now.dropped > 0) {
    response.set_why(absl::StrCat(now.dropped, " parameters were not watched for side effects"));
  }
  return absl::OkStatus();
}

absl::Status Transactions::Write(v1::SysctlTransaction& transaction, const Found& found,
                                 const ChangePlan& plan, v1::ApplySysctlsResponse& response,
                                 Tried& tried) {
  TF_RETURN_IF_ERROR(WriteValues(transaction, plan, tried.keys));
  if (plan.file_left) {
    tried.file = true;
    const absl::Status written = target_->WriteOwnFile(plan.file_left);
    TF_RETURN_IF_ERROR(
        Log(transaction, "file", NewChange(target_->own_file(), "", ""), ResultOf(written), {}));
    TF_RETURN_IF_ERROR(written);
  }
  TF_RETURN_IF_ERROR(CheckValues(transaction, found, response));
  const std::vector<v1::SysctlChange> effects(response.side_effects().begin(),
                                              response.side_effects().end());
  TF_RETURN_IF_ERROR(base::WithContext("journal", journal_.SetEffects(transaction.id(), effects)));
  TF_RETURN_IF_ERROR(log_.Sync());
  v1::SysctlTransaction unconfirmed = transaction;
  unconfirmed.set_state(State::STATE_UNCONFIRMED);
  TF_RETURN_IF_ERROR(base::WithContext("journal", journal_.SetState(unconfirmed)));
  transaction = std::move(unconfirmed);
  return absl::OkStatus();
}

Transactions::Applied Transactions::Apply(const v1::SysctlChangeSet& set, const ChangePlan& plan,
                                          const Requester& who) {
  Applied applied;
  v1::SysctlTransaction& transaction = applied.transaction;
  *transaction.mutable_set() = set;
  transaction.set_state(State::STATE_APPLYING);
  *transaction.mutable_applied_at() = ToTimestamp(clock_->Now());
  const Found found{.values = target_->ReadValues(KeysOf(set)).values,
                    .file = plan.file_found,
                    .file_left = plan.file_left};
  if (const absl::Status begun = Begin(transaction, found, who); !begun.ok()) {
    applied.response.set_outcome(Response::OUTCOME_REFUSED);
    *applied.response.add_refusals() = Refusal("", "impossible", ResultOf(begun));
    return applied;
  }
  applied.response.set_transaction(transaction.id());

  Tried tried;
  const absl::Status written = Write(transaction, found, plan, applied.response, tried);
  if (written.ok()) {
    applied.response.set_outcome(Response::OUTCOME_APPLIED);
    for (v1::SysctlChange& effect : *applied.response.mutable_side_effects()) {
      effect = CanonicalChange(effect);
    }
    return applied;
  }
  Restore(transaction, found, tried, written);
  applied.response.clear_side_effects();
  applied.response.set_outcome(transaction.state() == State::STATE_RESTORED
                                   ? Response::OUTCOME_RESTORED
                                   : Response::OUTCOME_DAMAGED);
  applied.response.set_why(transaction.why());
  return applied;
}

void Transactions::Restore(v1::SysctlTransaction& transaction, const Found& found,
                           const Tried& tried, const absl::Status& why) {
  const std::vector<std::string> order(tried.keys.rbegin(), tried.keys.rend());
  const ChangeTarget::Restored restored =
      RestoreAll(order, found.values, tried.file ? &found : nullptr, true);
  LogRestored(transaction, "restore", restored, {});
  std::string all = ResultOf(why);
  if (!restored.troubles.empty()) {
    absl::StrAppend(&all, "; not restored: ", absl::StrJoin(restored.troubles, "; "));
  }
  Finish(transaction, restored.troubles.empty() ? State::STATE_RESTORED : State::STATE_DAMAGED,
         std::move(all));
}

absl::Status Transactions::RestoreFile(const Found& found, bool overwrite) const {
  TF_ASSIGN_OR_RETURN(const std::optional<ChangeTarget::File> now, target_->ReadOwnFile());
  if (SameBytes(now, found.file)) return target_->RemoveUnfinishedFile();
  if (!overwrite && !SameBytes(now, found.file_left)) {
    return absl::FailedPreconditionError(
        absl::StrCat(target_->own_file(), " was changed by somebody else meanwhile and stays"));
  }
  return target_->WriteOwnFile(found.file);
}

ChangeTarget::Restored Transactions::RestoreAll(absl::Span<const std::string> order,
                                                const ChangeTarget::Values& values,
                                                const Found* file, bool overwrite) const {
  ChangeTarget::Restored all;
  for (int attempt = 0; attempt < 2; ++attempt) {
    ChangeTarget::Restored restored = target_->Restore(order, values);
    std::move(restored.changes.begin(), restored.changes.end(), std::back_inserter(all.changes));
    all.troubles = std::move(restored.troubles);
    const absl::Status file_restored =
        file != nullptr ? RestoreFile(*file, overwrite) : absl::OkStatus();
    if (!file_restored.ok()) all.troubles.push_back(ResultOf(file_restored));
    if (all.troubles.empty()) break;
  }
  return all;
}

void Transactions::LogRestored(const v1::SysctlTransaction& transaction, const std::string& action,
                               const ChangeTarget::Restored& restored, const Requester& who) {
  for (const v1::SysctlChange& change : restored.changes) {
    const absl::Status logged = Log(transaction, action, change, "ok", who);
    if (!logged.ok()) log_trouble_ = ResultOf(logged);
  }
  TryLog(transaction, action, {},
         restored.troubles.empty() ? "ok" : absl::StrJoin(restored.troubles, "; "), who);
}

void Transactions::Finish(v1::SysctlTransaction& transaction, v1::SysctlTransaction::State state,
                          std::string why) {
  transaction.set_state(state);
  transaction.set_why(std::move(why));
  *transaction.mutable_ended_at() = ToTimestamp(clock_->Now());
  if (!journal_.SetState(transaction).ok()) unsettled_ = transaction;
}

absl::Status Transactions::Confirm(v1::SysctlTransaction& transaction, const Requester& who) {
  v1::SysctlTransaction confirmed = transaction;
  confirmed.set_state(State::STATE_CONFIRMED);
  *confirmed.mutable_ended_at() = ToTimestamp(clock_->Now());
  const absl::Status kept = base::WithContext("journal", journal_.SetState(confirmed));
  TryLog(transaction, "confirm", {}, ResultOf(kept), who);
  TF_RETURN_IF_ERROR(kept);
  transaction = std::move(confirmed);
  return absl::OkStatus();
}

}  // namespace tcpfleet::agent
