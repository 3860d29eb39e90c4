#include "agent/sysctl/transaction_list.h"

#include <absl/strings/str_cat.h>

#include <utility>
#include <vector>

#include "agent/sysctl/change_log.h"
#include "agent/sysctl/journal.h"
#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

constexpr uint32_t kDefaultListed = 100;
constexpr uint32_t kMostListed = 1'000;
constexpr size_t kMostLogEntries = 8'000;
constexpr size_t kMostLogBytes = size_t{8} << 20;
constexpr size_t kPartBytes = size_t{1} << 20;
constexpr int kPartEntries = 1'000;

absl::Status TooMuch() {
  return absl::ResourceExhaustedError("too much for one answer; ask for fewer transactions");
}

absl::Status ListJournal(const std::string& state_directory, size_t most,
                         const ListedUnconfirmed& unconfirmed, const ListSink& sink) {
  const absl::StatusOr<Journal> journal = Journal::OpenExisting(state_directory);
  if (absl::IsNotFound(journal.status())) return absl::OkStatus();
  TF_RETURN_IF_ERROR(journal.status());
  TF_ASSIGN_OR_RETURN(std::vector<std::string> ids, journal->Ids());
  if (ids.size() > most) ids.resize(most);
  v1::ListSysctlTransactionsResponse part;
  for (const std::string& id : ids) {
    absl::StatusOr<v1::SysctlTransaction> transaction = journal->Read(id);
    if (absl::IsNotFound(transaction.status())) continue;  // never began
    if (!transaction.ok()) {
      v1::SysctlTransaction unreadable;
      unreadable.set_id(id);
      unreadable.set_why(std::string(transaction.status().message()));
      transaction = std::move(unreadable);
    }
    if (id == unconfirmed.id) transaction->set_reverts_in_seconds(unconfirmed.reverts_in_seconds);
    *part.add_transactions() = *std::move(transaction);
    if (part.ByteSizeLong() >= kPartBytes && !sink(std::exchange(part, {}))) return TooMuch();
  }
  return part.transactions().empty() || sink(std::move(part)) ? absl::OkStatus() : TooMuch();
}

absl::Status ListLog(const std::string& state_directory, const ListSink& sink) {
  TF_ASSIGN_OR_RETURN(LogReading reading, ReadChangeLog(state_directory + "/sysctl.log",
                                                        kMostLogEntries, kMostLogBytes));
  v1::ListSysctlTransactionsResponse part;
  size_t bytes = 0;
  for (v1::SysctlLogEntry& entry : reading.entries) {
    bytes += entry.ByteSizeLong();
    *part.add_log() = std::move(entry);
    if (bytes < kPartBytes && part.log_size() < kPartEntries) continue;
    bytes = 0;
    if (!sink(std::exchange(part, {}))) return TooMuch();
  }
  part.set_log_damage(std::move(reading.damage));
  return sink(std::move(part)) ? absl::OkStatus() : TooMuch();
}

}  // namespace

absl::Status ListSysctlTransactions(const std::string& state_directory,
                                    const v1::ListSysctlTransactionsRequest& request,
                                    const ListedUnconfirmed& unconfirmed, const ListSink& sink) {
  if (request.most() > kMostListed) {
    return absl::InvalidArgumentError(
        absl::StrCat("most is ", request.most(), ", at most ", kMostListed));
  }
  TF_RETURN_IF_ERROR(ListJournal(
      state_directory, request.most() == 0 ? kDefaultListed : request.most(), unconfirmed, sink));
  return request.log() ? ListLog(state_directory, sink) : absl::OkStatus();
}

}  // namespace tcpfleet::agent
