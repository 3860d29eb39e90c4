// Transactions and logs of the fleet: found, confirmed, rolled back.
//
// Errors: what an agent cannot have meant is DataLoss.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/fleet/fleet.h"
#include "tcpfleet/v1/tuning.pb.h"

namespace tcpfleet::controller {

// 1 to 128 characters that a file may be named by.
bool IsTransactionId(absl::string_view text);

struct HostAnswer {
  absl::Status status;
  bool asked = true;
  v1::HostTransactions said;
};

// Of the members chosen, one entry per member of the fleet, in order.
std::vector<HostAnswer> ListTransactions(
    Fleet& fleet, bool log, const std::function<bool(const FleetMember& member)>& choose,
    const std::stop_token& stop);

// A plan, by the first digits of its id, or a transaction.
class TransactionName {
 public:
  // InvalidArgument: neither.
  static absl::StatusOr<TransactionName> Parse(absl::string_view text);
  bool Names(const v1::SysctlTransaction& transaction) const;

 private:
  explicit TransactionName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// The newest transaction of that name on each host that has one. InvalidArgument when all hosts
// answered and none has, or when it names several plans.
absl::StatusOr<v1::TransactionsReport> FindTransactions(Fleet& fleet, const TransactionName& name,
                                                        const std::stop_token& stop);

// Each host's one transaction becomes what its agent says; hosts that failed become failures.
// Confirmed can be what a rollout with manual_confirm has left: its holder is the plan's id.
void ConfirmTransactions(Fleet& fleet, v1::TransactionsReport& report);
struct RollbackWish {
  bool force = false;
  std::string author;
  std::string reason;
};
void RollBackTransactions(Fleet& fleet, const RollbackWish& wish, v1::TransactionsReport& report);

// Transactions and logs of all hosts. A log whose entries are not linked is damaged, whatever its
// agent says.
v1::TransactionsReport ReadLogs(Fleet& fleet, const std::stop_token& stop);

bool IsDamaged(const v1::TransactionsReport& report);

}  // namespace tcpfleet::controller
