#include "agent/sysctl/sysctl_changer.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "common/sysctl/change_set.h"

namespace tcpfleet::agent {
namespace {

namespace fs = std::filesystem;
using State = v1::SysctlTransaction;

constexpr double kDefaultConfirmSeconds = 120;
constexpr double kLongestSeconds = 3'600;
constexpr int64_t kRetryNs = 5'000'000'000;
constexpr size_t kShortestHolder = 16;
constexpr size_t kLongestHolder = 64;

bool IsPrintable(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

absl::Status CheckHolder(const std::string& holder) {
  if (holder.size() >= kShortestHolder && holder.size() <= kLongestHolder && IsPrintable(holder)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("holder must be ", kShortestHolder, " to ",
                                                 kLongestHolder, " printable characters"));
}

// Written so that NaN is refused too.
absl::Status CheckSeconds(absl::string_view field, double seconds) {
  if (seconds >= 1 && seconds <= kLongestSeconds) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " is ", seconds, ", must be from 1 to ", kLongestSeconds));
}

absl::Status CheckText(absl::string_view field, absl::string_view text, size_t longest) {
  const bool has_control = std::any_of(text.begin(), text.end(),
                                       [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
  if (text.size() <= longest && !has_control) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " must be at most ", longest, " bytes without control characters"));
}

int64_t ToNs(double seconds) { return std::llround(seconds * 1e9); }

bool IsUnixSocket(absl::string_view peer) { return absl::StartsWith(peer, "unix:"); }

// The first of those above `path` that is there.
fs::path Existing(fs::path path) {
  std::error_code error;
  while (!fs::exists(path, error) && path.has_parent_path() && path != path.parent_path()) {
    path = path.parent_path();
  }
  return path;
}

Requester RequesterOf(const v1::SysctlChangeSet& set, const std::string& peer) {
  return {.author = set.author(), .reason = set.reason(), .peer = peer};
}

bool IsOver(State::State state) {
  return state == State::STATE_REVERTED || state == State::STATE_ROLLED_BACK ||
         state == State::STATE_RESTORED;
}

}  // namespace

SysctlChanger::SysctlChanger(Options options, base::Clock* clock)
    : options_(std::move(options)),
      clock_(clock),
      target_(options_.root, options_.own_file, options_.before_step),
      planner_(options_.planner, &target_),
      timer_(options_.boottime_ns, [this] { OnDue(); }) {
  if (!options_.planner.allowed.empty()) {
    NoteTrouble(sys::CheckWritable(Existing(options_.state_directory)));
  }
}

void SysctlChanger::NoteTrouble(const absl::Status& status) {
  base::MutexLock lock(trouble_mutex_);
  trouble_ = status.ok() ? "" : std::string(status.message());
}

v1::Collector SysctlChanger::Describe() const {
  v1::Collector collector;
  collector.set_name("sysctl");
  collector.set_level(v1::Collector::LEVEL_FULL);
  base::MutexLock lock(trouble_mutex_);
  if (!trouble_.empty()) {
    collector.set_level(v1::Collector::LEVEL_DEGRADED);
    collector.set_detail(absl::StrCat("changes no parameters: ", trouble_, " (--state-directory)"));
  }
  return collector;
}

absl::Status SysctlChanger::OpenState() {
  std::error_code error;
  if (fs::create_directories(options_.state_directory, error)) {
    fs::permissions(options_.state_directory, fs::perms::owner_all, error);
  }
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat(options_.state_directory, ": ", error.message()));
  }
  TF_RETURN_IF_ERROR(sys::CheckWritable(options_.state_directory));
  TF_ASSIGN_OR_RETURN(transactions_,
                      Transactions::Open({.state_directory = options_.state_directory,
                                          .boot_id = options_.planner.boot_id,
                                          .network_namespace = options_.planner.network_namespace,
                                          .before_step = options_.before_step},
                                         &target_, clock_));
  return absl::OkStatus();
}

absl::Status SysctlChanger::CheckRoom() const {
  TF_ASSIGN_OR_RETURN(const sys::DurableDirectory state,
                      sys::DurableDirectory::Open(options_.state_directory));
  TF_ASSIGN_OR_RETURN(const uint64_t free_bytes, state.FreeBytes());
  if (free_bytes >= kLeastFreeBytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(options_.state_directory, " has ",
                                                   free_bytes >> 20U, " MiB left, at least ",
                                                   kLeastFreeBytes >> 20U, " MiB are needed"));
}

absl::Status SysctlChanger::EnsureOpen() {
  absl::Status status;
  if (transactions_ == nullptr) {
    status = OpenState();
    // Another agent may have died since this one started.
    if (status.ok()) transactions_->Recover();
  }
  if (status.ok()) status = CheckRoom();
  NoteTrouble(status);
  if (status.ok() && !transactions_->log_trouble().empty()) {
    NoteTrouble(absl::InternalError(transactions_->log_trouble()));
  }
  return status;
}

std::vector<v1::SysctlTransaction> SysctlChanger::Recover() {
  base::MutexLock lock(mutex_);
  const absl::StatusOr<Journal> journal = Journal::OpenExisting(options_.state_directory);
  if (!journal.ok()) return {};
  // The lock is taken only where something is to be done, so that agents do not hinder each other.
  const absl::StatusOr<std::vector<std::string>> ids = journal->Ids();
  const bool is_unfinished = ids.ok() && std::any_of(ids->begin(), ids->end(), [&](const auto& id) {
                               const absl::StatusOr<v1::SysctlTransaction> transaction =
                                   journal->Read(id);
                               return transaction.ok() && !IsOver(transaction->state()) &&
                                      transaction->state() != State::STATE_CONFIRMED;
                             });
  if (!is_unfinished || transactions_ != nullptr) return {};
  if (const absl::Status opened = OpenState(); !opened.ok()) {
    NoteTrouble(opened);
    return {};
  }
  return transactions_->Recover();
}

void SysctlChanger::Stop() {
  base::MutexLock lock(mutex_);
  if (unconfirmed_) RevertUnconfirmed("was not confirmed when the agent was stopped");
}

std::optional<v1::SysctlRefusal> SysctlChanger::HeldAgainst(const std::string& holder) {
  if (unconfirmed_ && unconfirmed_->holder != holder) {
    const std::string& author = unconfirmed_->transaction.set().author();
    return Refusal("", "held",
                   absl::StrCat("transaction ", unconfirmed_->transaction.id(), " of ",
                                author.empty() ? "somebody" : author, " waits ",
                                std::llround(RevertsInSeconds()), " s more for its confirmation"));
  }
  const int64_t now_ns = clock_->MonotonicNs();
  if (reservation_ && reservation_->until_ns <= now_ns) reservation_.reset();
  if (reservation_ && reservation_->holder != holder) {
    return Refusal("", "held",
                   absl::StrCat("another plan has reserved this host for ",
                                (reservation_->until_ns - now_ns) / 1'000'000'000 + 1, " s more"));
  }
  return std::nullopt;
}

ChangePlan SysctlChanger::Plan(const v1::SysctlChangeSet& set, const std::string& holder) {
  ChangePlan plan;
  if (auto held = HeldAgainst(holder)) {
    plan.refusals.push_back(*std::move(held));
    return plan;
  }
  // First, because it may revert what another agent left. Not where nothing may be changed anyway.
  const absl::Status open = options_.planner.allowed.empty() ? absl::OkStatus() : EnsureOpen();
  const bool is_reserved_for_it = reservation_ && reservation_->set_hash == set.hash();
  plan = planner_.Plan(set, clock_->Now(), is_reserved_for_it);
  if (plan.refusals.empty() && !open.ok()) {
    plan.refusals.push_back(Refusal(
        "", "impossible",
        absl::StrCat("transactions cannot be kept here (--state-directory): ", open.message())));
  }
  return plan;
}

absl::StatusOr<v1::PrepareSysctlsResponse> SysctlChanger::Prepare(
    const v1::PrepareSysctlsRequest& request, const std::string&) {
  TF_RETURN_IF_ERROR(CheckHolder(request.holder()));
  if (!request.release()) {
    TF_RETURN_IF_ERROR(CheckSeconds("lease_seconds", request.lease_seconds()));
  }
  base::MutexLock lock(mutex_);
  v1::PrepareSysctlsResponse response;
  if (request.release()) {
    if (reservation_ && reservation_->holder == request.holder()) reservation_.reset();
    return response;
  }
  ChangePlan plan = Plan(request.set(), request.holder());
  if (plan.refusals.empty()) {
    reservation_ = Reservation{.holder = request.holder(),
                               .set_hash = request.set().hash(),
                               .until_ns = clock_->MonotonicNs() + ToNs(request.lease_seconds())};
    response.set_already(plan.already);
  }
  for (v1::SysctlRefusal& refusal : plan.refusals) *response.add_refusals() = std::move(refusal);
  response.set_reserved(reservation_ && reservation_->holder == request.holder());
  return response;
}

double SysctlChanger::RevertsInSeconds() const {
  const int64_t left_ns = unconfirmed_->deadline_ns - options_.boottime_ns();
  return static_cast<double>(std::max<int64_t>(left_ns, 0)) / 1e9;
}

absl::StatusOr<v1::ApplySysctlsResponse> SysctlChanger::Apply(
    const v1::ApplySysctlsRequest& request, const std::string& peer) {
  TF_RETURN_IF_ERROR(CheckHolder(request.holder()));
  const double within = request.confirm_within_seconds() == 0 ? kDefaultConfirmSeconds
                                                              : request.confirm_within_seconds();
  TF_RETURN_IF_ERROR(CheckSeconds("confirm_within_seconds", within));
  base::MutexLock lock(mutex_);
  v1::ApplySysctlsResponse response;
  const v1::SysctlChangeSet& set = request.set();
  if (unconfirmed_ && unconfirmed_->holder == request.holder() &&
      unconfirmed_->transaction.set().hash() == set.hash()) {
    // The answer to the first request may have been lost.
    response.set_outcome(v1::ApplySysctlsResponse::OUTCOME_APPLIED);
    response.set_transaction(unconfirmed_->transaction.id());
    response.set_reverts_in_seconds(RevertsInSeconds());
    return response;
  }
  ChangePlan plan = Plan(set, request.holder());
  if (plan.refusals.empty() && unconfirmed_) {
    plan.refusals.push_back(
        Refusal("", "held",
                absl::StrCat("confirm transaction ", unconfirmed_->transaction.id(), " first")));
  }
  if (!plan.refusals.empty()) {
    response.set_outcome(v1::ApplySysctlsResponse::OUTCOME_REFUSED);
    for (const v1::SysctlRefusal& refusal : plan.refusals) *response.add_refusals() = refusal;
    if (transactions_ != nullptr && sysctl::CheckChangeSet(set).ok() && CheckRoom().ok()) {
      transactions_->LogRefusal(set, plan.refusals.front(), RequesterOf(set, peer));
    }
    return response;
  }
  if (plan.to_write.empty() && !plan.file_left) {
    response.set_outcome(v1::ApplySysctlsResponse::OUTCOME_UNCHANGED);
    return response;
  }
  // The time writing takes is part of it.
  const int64_t deadline_ns = options_.boottime_ns() + ToNs(within);
  Transactions::Applied applied = transactions_->Apply(set, plan, RequesterOf(set, peer));
  response = std::move(applied.response);
  if (response.outcome() != v1::ApplySysctlsResponse::OUTCOME_APPLIED) return response;
  unconfirmed_ = Unconfirmed{.transaction = std::move(applied.transaction),
                             .holder = request.holder(),
                             .peer = peer,
                             .deadline_ns = deadline_ns};
  timer_.Arm(deadline_ns);
  response.set_reverts_in_seconds(RevertsInSeconds());
  return response;
}

void SysctlChanger::RevertUnconfirmed(std::string why) {
  timer_.Disarm();
  const auto restored = transactions_->Revert(
      unconfirmed_->transaction,
      {.state = State::STATE_REVERTED, .action = "revert", .why = std::move(why)}, {});
  if (restored.ok()) {
    unconfirmed_.reset();
    return;
  }
  // The disk does not say what to restore: nothing was written. It may be a fault that passes.
  NoteTrouble(restored.status());
  unconfirmed_->deadline_ns = options_.boottime_ns() + kRetryNs;
  timer_.Arm(unconfirmed_->deadline_ns);
}

void SysctlChanger::OnDue() {
  base::MutexLock lock(mutex_);
  // It may have been confirmed, and another one armed, while this waited for the lock.
  if (unconfirmed_ && unconfirmed_->deadline_ns <= options_.boottime_ns()) {
    RevertUnconfirmed("was not confirmed in time");
  }
}

absl::StatusOr<v1::ConfirmSysctlsResponse> SysctlChanger::Confirm(
    const v1::ConfirmSysctlsRequest& request, const std::string& peer) {
  TF_RETURN_IF_ERROR(CheckHolder(request.holder()));
  base::MutexLock lock(mutex_);
  v1::ConfirmSysctlsResponse response;
  if (!unconfirmed_ || unconfirmed_->transaction.id() != request.transaction()) {
    TF_ASSIGN_OR_RETURN(const Journal journal, Journal::OpenExisting(options_.state_directory));
    TF_ASSIGN_OR_RETURN(*response.mutable_transaction(), journal.Read(request.transaction()));
    // The answer to an earlier request may have been lost.
    if (response.transaction().state() == State::STATE_CONFIRMED) return response;
    return absl::FailedPreconditionError(
        absl::StrCat("transaction ", request.transaction(),
                     " does not wait for a confirmation: ", response.transaction().why()));
  }
  if (unconfirmed_->holder != request.holder()) {
    return absl::FailedPreconditionError(
        absl::StrCat("transaction ", request.transaction(), " is another holder's"));
  }
  if (unconfirmed_->deadline_ns <= options_.boottime_ns()) {
    RevertUnconfirmed("was not confirmed in time");
    return absl::FailedPreconditionError(
        absl::StrCat("transaction ", request.transaction(), " was not confirmed in time"));
  }
  if (unconfirmed_->peer == peer && !IsUnixSocket(peer)) {
    return absl::FailedPreconditionError(
        "confirm over another connection than the one it was applied over: a new one shows that "
        "the host can still be reached");
  }
  TF_RETURN_IF_ERROR(transactions_->Confirm(unconfirmed_->transaction,
                                            RequesterOf(unconfirmed_->transaction.set(), peer)));
  timer_.Disarm();
  *response.mutable_transaction() = std::move(unconfirmed_->transaction);
  unconfirmed_.reset();
  return response;
}

absl::StatusOr<v1::SysctlTransaction> SysctlChanger::Find(
    const v1::RollbackSysctlsRequest& request) {
  if (request.transaction().empty() == request.plan_id().empty()) {
    return absl::InvalidArgumentError("name either a transaction or a plan");
  }
  const Journal& journal = transactions_->journal();
  if (!request.transaction().empty()) return journal.Read(request.transaction());
  TF_ASSIGN_OR_RETURN(const std::vector<std::string> ids, journal.Ids());
  for (const std::string& id : ids) {
    absl::StatusOr<v1::SysctlTransaction> transaction = journal.Read(id);
    if (transaction.ok() && transaction->set().plan_id() == request.plan_id()) return transaction;
  }
  return absl::NotFoundError("this host has no transaction of that plan");
}

absl::Status SysctlChanger::RollBack(const v1::RollbackSysctlsRequest& request,
                                     const std::string& peer, v1::SysctlTransaction& transaction,
                                     v1::RollbackSysctlsResponse& response) {
  if (!request.force() && !unconfirmed_) {
    TF_ASSIGN_OR_RETURN(Transactions::ChangedSince changed,
                        transactions_->FindChanges(transaction));
    for (v1::SysctlChange& change : changed.values) {
      *response.add_changed_since() = std::move(change);
    }
    response.set_file_changed_since(std::move(changed.file));
    if (response.changed_since_size() > 0 || !response.file_changed_since().empty()) {
      return absl::OkStatus();
    }
  }
  TF_ASSIGN_OR_RETURN(std::vector<v1::SysctlChange> restored,
                      transactions_->Revert(transaction,
                                            {.state = State::STATE_ROLLED_BACK,
                                             .action = "rollback",
                                             .why = request.reason(),
                                             .overwrite = request.force()},
                                            {request.author(), request.reason(), peer}));
  for (v1::SysctlChange& change : restored) *response.add_restored() = std::move(change);
  timer_.Disarm();
  unconfirmed_.reset();
  return absl::OkStatus();
}

absl::StatusOr<v1::RollbackSysctlsResponse> SysctlChanger::Rollback(
    const v1::RollbackSysctlsRequest& request, const std::string& peer) {
  TF_RETURN_IF_ERROR(CheckText("author", request.author(), sysctl::kLongestAuthor));
  TF_RETURN_IF_ERROR(CheckText("reason", request.reason(), sysctl::kLongestReason));
  base::MutexLock lock(mutex_);
  TF_RETURN_IF_ERROR(Journal::OpenExisting(options_.state_directory).status());
  if (const absl::Status open = EnsureOpen(); transactions_ == nullptr) return open;
  TF_ASSIGN_OR_RETURN(v1::SysctlTransaction transaction, Find(request));
  if (unconfirmed_ && unconfirmed_->transaction.id() != transaction.id()) {
    return absl::FailedPreconditionError(
        absl::StrCat("transaction ", unconfirmed_->transaction.id(),
                     " waits for its confirmation; roll back that first"));
  }
  v1::RollbackSysctlsResponse response;
  if (!IsOver(transaction.state())) {
    TF_RETURN_IF_ERROR(RollBack(request, peer, transaction, response));
  }
  *response.mutable_transaction() = std::move(transaction);
  return response;
}

absl::Status SysctlChanger::List(const v1::ListSysctlTransactionsRequest& request,
                                 const ListSink& sink) {
  base::MutexLock lock(mutex_);
  ListedUnconfirmed unconfirmed;
  if (unconfirmed_) unconfirmed = {unconfirmed_->transaction.id(), RevertsInSeconds()};
  return ListSysctlTransactions(options_.state_directory, request, unconfirmed, sink);
}

}  // namespace tcpfleet::agent
