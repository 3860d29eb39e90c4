// Going back: by request, in time, and after a crash.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <utility>

#include "agent/sysctl/changes.h"
#include "agent/sysctl/transactions.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sysctl/value.h"

namespace tcpfleet::agent {
namespace {

using State = v1::SysctlTransaction;

// Reverting turns a transaction's order round; what moved with it comes last.
std::vector<std::string> RevertOrder(const v1::SysctlChangeSet& set,
                                     absl::Span<const v1::SysctlChange> effects) {
  std::vector<std::string> order = KeysOf(set);
  std::reverse(order.begin(), order.end());
  for (const v1::SysctlChange& effect : effects) order.push_back(effect.key());
  return order;
}

}  // namespace

ChangeTarget::Values Transactions::RevertTo(const v1::SysctlTransaction& transaction,
                                            const Found& found,
                                            absl::Span<const v1::SysctlChange> effects,
                                            std::string& left_out) const {
  const v1::SysctlChangeSet& set = transaction.set();
  const bool same_boot = set.boot_id() == options_.boot_id;
  ChangeTarget::Values values = target_->ReadValues(KeysOf(set)).values;
  if (same_boot && set.network_namespace() != options_.network_namespace) {
    left_out = absl::StrCat("values of network namespace ", set.network_namespace(),
                            " cannot be reached from ", options_.network_namespace);
    return values;
  }
  if (same_boot && transaction.state() == State::STATE_APPLYING) return found.values;
  for (const v1::SysctlChange& change : set.changes()) {
    const auto now = values.find(change.key());
    const auto was = found.values.find(change.key());
    if (now == values.end() || was == found.values.end()) continue;
    // A boot has undone what was written, unless it took the value from the file.
    const bool is_ours =
        same_boot ||
        (set.persist() && sysctl::Canonical(now->first, now->second) == change.new_value());
    if (is_ours) now->second = was->second;
  }
  if (!same_boot) {
    left_out = "the host has booted since";
    return values;
  }
  for (const v1::SysctlChange& effect : effects) {
    if (const auto now = values.find(effect.key()); now != values.end()) {
      now->second = effect.old_value();
    }
  }
  return values;
}

absl::StatusOr<std::vector<v1::SysctlChange>> Transactions::Revert(
    v1::SysctlTransaction& transaction, const End& end, const Requester& who) {
  TF_ASSIGN_OR_RETURN(const Found found, journal_.ReadFound(transaction.id()));
  TF_ASSIGN_OR_RETURN(const std::vector<v1::SysctlChange> effects,
                      journal_.ReadEffects(transaction.id()));
  if (transaction.state() == State::STATE_CONFIRMED) {
    // From here on a crash must not leave half of it.
    v1::SysctlTransaction unconfirmed = transaction;
    unconfirmed.set_state(State::STATE_UNCONFIRMED);
    TF_RETURN_IF_ERROR(base::WithContext("journal", journal_.SetState(unconfirmed)));
  }
  std::string left_out;
  const ChangeTarget::Values values = RevertTo(transaction, found, effects, left_out);
  const ChangeTarget::Restored restored =
      RestoreAll(RevertOrder(transaction.set(), effects), values,
                 found.file_left ? &found : nullptr, end.overwrite);
  LogRestored(transaction, end.action, restored, who);
  std::vector<std::string> why;
  if (!end.why.empty()) why.push_back(end.why);
  if (!left_out.empty()) why.push_back(left_out);
  for (const std::string& trouble : restored.troubles) why.push_back(trouble);
  Finish(transaction, restored.troubles.empty() ? end.state : State::STATE_DAMAGED,
         absl::StrJoin(why, "; "));
  std::vector<v1::SysctlChange> changes;
  for (const v1::SysctlChange& change : restored.changes) {
    changes.push_back(CanonicalChange(change));
  }
  return changes;
}

absl::StatusOr<Transactions::ChangedSince> Transactions::FindChanges(
    const v1::SysctlTransaction& transaction) const {
  TF_ASSIGN_OR_RETURN(const Found found, journal_.ReadFound(transaction.id()));
  TF_ASSIGN_OR_RETURN(std::vector<v1::SysctlChange> left, journal_.ReadEffects(transaction.id()));
  const v1::SysctlChangeSet& set = transaction.set();
  left.insert(left.end(), set.changes().begin(), set.changes().end());
  const ChangeTarget::Values now = target_->ReadValues(KeysOf(set)).values;
  ChangedSince changed;
  for (const v1::SysctlChange& change : left) {
    const auto value = now.find(change.key());
    if (value == now.end() || set.boot_id() != options_.boot_id) continue;
    const v1::SysctlChange since =
        CanonicalChange(NewChange(change.key(), change.new_value(), value->second));
    if (since.old_value() != since.new_value()) changed.values.push_back(since);
  }
  if (!found.file_left) return changed;
  TF_ASSIGN_OR_RETURN(const std::optional<ChangeTarget::File> file, target_->ReadOwnFile());
  if (!SameBytes(file, found.file_left)) {
    changed.file = file ? absl::StrCat(target_->own_file(), " has been changed since")
                        : absl::StrCat(target_->own_file(), " has been removed since");
  }
  return changed;
}

std::vector<v1::SysctlTransaction> Transactions::Recover() {
  std::vector<v1::SysctlTransaction> recovered;
  const absl::StatusOr<std::vector<std::string>> ids = journal_.Ids();
  if (!ids.ok()) return recovered;
  for (const std::string& id : *ids) {
    absl::StatusOr<v1::SysctlTransaction> transaction = journal_.Read(id);
    if (!transaction.ok()) continue;  // never began
    const State::State state = transaction->state();
    // A damaged one that others followed is theirs to judge.
    const bool is_last_damaged = state == State::STATE_DAMAGED && id == ids->front();
    if (state != State::STATE_APPLYING && state != State::STATE_UNCONFIRMED && !is_last_damaged) {
      continue;
    }
    const absl::StatusOr<std::vector<v1::SysctlChange>> restored =
        Revert(*transaction,
               {.state = State::STATE_REVERTED,
                .action = "recover",
                .why = "was not confirmed when the agent ended"},
               {});
    if (!restored.ok()) {
      Finish(*transaction, State::STATE_DAMAGED, ResultOf(restored.status()));
    }
    recovered.push_back(*std::move(transaction));
  }
  return recovered;
}

}  // namespace tcpfleet::agent
