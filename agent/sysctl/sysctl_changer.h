// Changes kernel parameters of this host for controllers: who may, one at a time, and back again
// unless somebody confirms.
//
// An agent that is stopped reverts what is not confirmed: nobody would watch its time any more, and
// a host whose agent never starts again would keep it for good. What is confirmed stays. After a
// crash the next start reverts.
//
// Threads: all functions from any thread; they wait for each other, and for the disk. Describe
//          waits for nothing.
// Owns:    the state directory, from the first request that may write, or from Recover when there
//          is something to recover.
// Bounds:  one reservation, one unconfirmed transaction; refused above.
// Errors:  InvalidArgument (a field of the request), NotFound (no such transaction),
//          FailedPrecondition (not in a state for this), and what the disk says. Why a plan is
//          refused is part of the answer.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/sysctl/change_planner.h"
#include "agent/sysctl/change_target.h"
#include "agent/sysctl/commit_timer.h"
#include "agent/sysctl/transaction_list.h"
#include "agent/sysctl/transactions.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/sys/host.h"
#include "tcpfleet/v1/host.pb.h"
#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::agent {

class SysctlChanger {
 public:
  // A state directory with less room than this takes no transaction.
  static constexpr uint64_t kLeastFreeBytes = uint64_t{16} << 20;

  struct Options {
    std::string root = "/";  // or where a test keeps its files
    std::string state_directory = "/var/lib/tcpfleet";
    // Below `root`.
    std::string own_file = "/etc/sysctl.d/95-tcpfleet.conf";
    ChangePlanner::Options planner;
    sys::BeforeStep before_step = nullptr;
    std::function<int64_t()> boottime_ns = &sys::BoottimeNs;
  };
  SysctlChanger(Options options, base::Clock* clock);

  // Reverts what an agent before this one left unconfirmed; those, with what became of them.
  std::vector<v1::SysctlTransaction> Recover() ABSL_LOCKS_EXCLUDED(mutex_);
  // Reverts what is not confirmed. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // `peer`: the connection, as gRPC names it.
  absl::StatusOr<v1::PrepareSysctlsResponse> Prepare(const v1::PrepareSysctlsRequest& request,
                                                     const std::string& peer)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<v1::ApplySysctlsResponse> Apply(const v1::ApplySysctlsRequest& request,
                                                 const std::string& peer)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<v1::ConfirmSysctlsResponse> Confirm(const v1::ConfirmSysctlsRequest& request,
                                                     const std::string& peer)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<v1::RollbackSysctlsResponse> Rollback(const v1::RollbackSysctlsRequest& request,
                                                       const std::string& peer)
      ABSL_LOCKS_EXCLUDED(mutex_);

  absl::Status List(const v1::ListSysctlTransactionsRequest& request, const ListSink& sink)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // "sysctl": whether parameters could be changed, where any are allowed to be.
  v1::Collector Describe() const ABSL_LOCKS_EXCLUDED(trouble_mutex_);

 private:
  struct Reservation {
    std::string holder;
    std::string set_hash;
    int64_t until_ns = 0;  // CLOCK_MONOTONIC
  };
  // Waits for its confirmation.
  struct Unconfirmed {
    v1::SysctlTransaction transaction;
    std::string holder;
    std::string peer;
    int64_t deadline_ns = 0;  // CLOCK_BOOTTIME
  };

  absl::Status EnsureOpen() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status OpenState() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckRoom() const;
  std::optional<v1::SysctlRefusal> HeldAgainst(const std::string& holder)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  ChangePlan Plan(const v1::SysctlChangeSet& set, const std::string& holder)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  double RevertsInSeconds() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnDue() ABSL_LOCKS_EXCLUDED(mutex_);
  void RevertUnconfirmed(std::string why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Once nothing stands against it; `response` says what does.
  absl::Status RollBack(const v1::RollbackSysctlsRequest& request, const std::string& peer,
                        v1::SysctlTransaction& transaction, v1::RollbackSysctlsResponse& response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<v1::SysctlTransaction> Find(const v1::RollbackSysctlsRequest& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteTrouble(const absl::Status& status) ABSL_LOCKS_EXCLUDED(trouble_mutex_);

  const Options options_;
  base::Clock* const clock_;
  const ChangeTarget target_;
  const ChangePlanner planner_;

  base::Mutex mutex_;
  std::unique_ptr<Transactions> transactions_ ABSL_GUARDED_BY(mutex_);
  std::optional<Reservation> reservation_ ABSL_GUARDED_BY(mutex_);
  std::optional<Unconfirmed> unconfirmed_ ABSL_GUARDED_BY(mutex_);

  mutable base::Mutex trouble_mutex_;
  std::string trouble_ ABSL_GUARDED_BY(trouble_mutex_);

  CommitTimer timer_;  // last: its thread ends before the rest does
};

}  // namespace tcpfleet::agent
