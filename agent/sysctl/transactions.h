// Transactions: written, confirmed and reverted so that after a crash at any point the host is
// either as it was or as it was meant to be, in force and in the file.
//
// Before anything is written the journal holds what is there. Each later step follows the record
// that speaks of it, and whatever is found unfinished is reverted: of one that was being written
// everything below net that differs, of one that waited for its confirmation what it had written
// and what had moved with that.
//
// Owns:    the state directory, through the lock on the log in it.
// Threads: not thread-safe. Blocks: the disk is synced several times.
// Errors:  FailedPrecondition when another agent uses the directory.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/sysctl/change_log.h"
#include "agent/sysctl/change_planner.h"
#include "agent/sysctl/change_target.h"
#include "agent/sysctl/journal.h"
#include "common/base/clock.h"
#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::agent {

// Who asked, for the log; all empty when the agent acts by itself.
struct Requester {
  std::string author;
  std::string reason;
  std::string peer;
};

class Transactions {
 public:
  struct Options {
    std::string state_directory;  // is there
    std::string boot_id;
    uint64_t network_namespace = 0;
    sys::BeforeStep before_step = nullptr;
  };
  static absl::StatusOr<std::unique_ptr<Transactions>> Open(Options options,
                                                            const ChangeTarget* target,
                                                            base::Clock* clock);

  // Outcome APPLIED, REFUSED (nothing was written), RESTORED or DAMAGED.
  struct Applied {
    v1::ApplySysctlsResponse response;
    v1::SysctlTransaction transaction;
  };
  Applied Apply(const v1::SysctlChangeSet& set, const ChangePlan& plan, const Requester& who);

  absl::Status Confirm(v1::SysctlTransaction& transaction, const Requester& who);

  struct End {
    v1::SysctlTransaction::State state;  // unless something cannot be restored: then DAMAGED
    std::string action;                  // for the log
    std::string why;
    bool overwrite = false;  // also what others wrote to the agent's file since
  };
  // What was restored. An error: nothing was, because that could not be made to last.
  absl::StatusOr<std::vector<v1::SysctlChange>> Revert(v1::SysctlTransaction& transaction,
                                                       const End& end, const Requester& who);

  // What is not as the transaction left it.
  struct ChangedSince {
    std::vector<v1::SysctlChange> values;  // old_value: as it was left
    std::string file;                      // empty: has not changed
  };
  absl::StatusOr<ChangedSince> FindChanges(const v1::SysctlTransaction& transaction) const;

  // Reverts what was left unfinished, newest first.
  std::vector<v1::SysctlTransaction> Recover();

  void LogRefusal(const v1::SysctlChangeSet& set, const v1::SysctlRefusal& refusal,
                  const Requester& who);

  const Journal& journal() const { return journal_; }
  // Why the log has not got everything; empty when it has.
  const std::string& log_trouble() const { return log_trouble_; }

 private:
  Transactions(Options options, const ChangeTarget* target, base::Clock* clock, Journal journal,
               ChangeLog log)
      : options_(std::move(options)),
        target_(target),
        clock_(clock),
        journal_(std::move(journal)),
        log_(std::move(log)) {}

  absl::Status Begin(v1::SysctlTransaction& transaction, const Found& found, const Requester& who);
  // What may have changed, also where writing it failed.
  struct Tried {
    std::vector<std::string> keys;
    bool file = false;
  };
  absl::Status Write(v1::SysctlTransaction& transaction, const Found& found, const ChangePlan& plan,
                     v1::ApplySysctlsResponse& response, Tried& tried);
  absl::Status WriteValues(const v1::SysctlTransaction& transaction, const ChangePlan& plan,
                           std::vector<std::string>& tried);
  absl::Status CheckValues(const v1::SysctlTransaction& transaction, const Found& found,
                           v1::ApplySysctlsResponse& response);
  void Restore(v1::SysctlTransaction& transaction, const Found& found, const Tried& tried,
               const absl::Status& why);
  // The values in force once it is reverted; `left_out`: why some are not.
  ChangeTarget::Values RevertTo(const v1::SysctlTransaction& transaction, const Found& found,
                                absl::Span<const v1::SysctlChange> effects,
                                std::string& left_out) const;
  absl::Status RestoreFile(const Found& found, bool overwrite) const;
  // Twice where it has to: a fault may pass.
  ChangeTarget::Restored RestoreAll(absl::Span<const std::string> order,
                                    const ChangeTarget::Values& values, const Found* file,
                                    bool overwrite) const;
  void Finish(v1::SysctlTransaction& transaction, v1::SysctlTransaction::State state,
              std::string why);
  void LogRestored(const v1::SysctlTransaction& transaction, const std::string& action,
                   const ChangeTarget::Restored& restored, const Requester& who);
  absl::Status Log(const v1::SysctlTransaction& transaction, const std::string& action,
                   const v1::SysctlChange& change, const std::string& result, const Requester& who);
  // For what has happened and cannot be undone for want of a line.
  void TryLog(const v1::SysctlTransaction& transaction, const std::string& action,
              const v1::SysctlChange& change, const std::string& result, const Requester& who);

  const Options options_;
  const ChangeTarget* const target_;
  base::Clock* const clock_;
  Journal journal_;
  ChangeLog log_;
  std::string log_trouble_;
  // Its end could not be written to the disk yet; before that nothing new begins.
  std::optional<v1::SysctlTransaction> unsettled_;
};

}  // namespace tcpfleet::agent
