#include "controller/rollout/transactions.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "controller/fleet/collect.h"
#include "controller/fleet/failure.h"
#include "controller/rollout/unary_calls.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kLongestTransactionId = 128;
constexpr size_t kShortestPlanPrefix = 8;
constexpr size_t kPlanIdDigits = 64;
constexpr uint32_t kMostTransactions = 1'000;

using Listed = v1::ListSysctlTransactionsResponse;

// First and last entry may be in different messages.
void CheckLinks(v1::HostTransactions& said) {
  for (int i = 1; i < said.log_size() && said.log_damage().empty(); ++i) {
    const v1::SysctlLogEntry& before = said.log(i - 1);
    const v1::SysctlLogEntry& entry = said.log(i);
    if (entry.previous_hash() == before.hash() && entry.sequence() == before.sequence() + 1) {
      continue;
    }
    said.set_log_damage(
        absl::StrCat("entry ", entry.sequence(), " does not follow entry ", before.sequence()));
  }
}

HostAnswer ToAnswer(const std::string& name, Collected<Listed> collected) {
  HostAnswer answer{std::move(collected.status), collected.asked, {}};
  answer.said.set_name(name);
  for (Listed& part : collected.messages) {
    for (v1::SysctlTransaction& transaction : *part.mutable_transactions()) {
      if (!IsTransactionId(transaction.id())) {
        answer.status = absl::DataLossError("sent a transaction without a proper name");
        return answer;
      }
      *answer.said.add_transactions() = std::move(transaction);
    }
    for (v1::SysctlLogEntry& entry : *part.mutable_log()) {
      *answer.said.add_log() = std::move(entry);
    }
    if (!part.log_damage().empty()) answer.said.set_log_damage(part.log_damage());
  }
  CheckLinks(answer.said);
  return answer;
}

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) || (c >= 'a' && c <= 'f');
  });
}

std::map<std::string, FleetMember*> MembersByName(Fleet& fleet) {
  std::map<std::string, FleetMember*> members;
  for (FleetMember& member : fleet.members()) members[member.target.name] = &member;
  return members;
}

// Makes `call` to every host of the report and hands OK answers to `take`; others become failures.
template <class Response>
void CallHosts(Fleet& fleet, v1::TransactionsReport& report,
               const std::function<void(FleetMember&, const v1::HostTransactions&,
                                        OnResponse<Response>)>& call,
               const std::function<void(Response, v1::HostTransactions&)>& take) {
  const std::map<std::string, FleetMember*> members = MembersByName(fleet);
  auto answers = CallEach<Response>(static_cast<size_t>(report.hosts_size()), fleet.parallel(),
                                    [&](size_t i, OnResponse<Response> on_response) {
                                      const v1::HostTransactions& host =
                                          report.hosts(static_cast<int>(i));
                                      call(*members.at(host.name()), host, std::move(on_response));
                                    });
  for (size_t i = 0; i < answers.size(); ++i) {
    v1::HostTransactions& host = *report.mutable_hosts(static_cast<int>(i));
    if (answers[i].ok()) {
      take(*std::move(answers[i]), host);
    } else {
      *report.add_failures() =
          DescribeFailure(members.at(host.name())->target, answers[i].status());
    }
  }
}

}  // namespace

bool IsTransactionId(absl::string_view text) {
  return !text.empty() && text.size() <= kLongestTransactionId && text[0] != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  c == '.';
         });
}

std::vector<HostAnswer> ListTransactions(
    Fleet& fleet, bool log, const std::function<bool(const FleetMember& member)>& choose,
    const std::stop_token& stop) {
  v1::ListSysctlTransactionsRequest request;
  request.set_most(kMostTransactions);
  request.set_log(log);
  const auto start = [&](FleetMember& member, OnMessage<Listed> on_message,
                         OnDone on_done) -> std::unique_ptr<StreamCall> {
    if (!choose(member)) return nullptr;
    return member.client->ListSysctlTransactions(request, fleet.timeout(), std::move(on_message),
                                                 std::move(on_done));
  };
  std::vector<HostAnswer> answers;
  for (auto& collected : CollectFromAgents<Listed>(fleet, start, stop)) {
    const std::string& name = fleet.members()[answers.size()].target.name;
    answers.push_back(ToAnswer(name, std::move(collected)));
  }
  return answers;
}

absl::StatusOr<TransactionName> TransactionName::Parse(absl::string_view text) {
  if (IsTransactionId(text) && text.size() >= kShortestPlanPrefix) {
    return TransactionName(std::string(text));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' names neither a plan (at least ", kShortestPlanPrefix,
                   " digits of its id) nor a transaction: see 'tcpfleet sysctl log'"));
}

bool TransactionName::Names(const v1::SysctlTransaction& transaction) const {
  return transaction.id() == text_ || (IsHex(text_) && text_.size() <= kPlanIdDigits &&
                                       absl::StartsWith(transaction.set().plan_id(), text_));
}

absl::StatusOr<v1::TransactionsReport> FindTransactions(Fleet& fleet, const TransactionName& name,
                                                        const std::stop_token& stop) {
  v1::TransactionsReport report;
  std::set<std::string> plans;
  const auto all = [](const FleetMember&) { return true; };
  const std::vector<HostAnswer> answers = ListTransactions(fleet, /*log=*/false, all, stop);
  for (size_t i = 0; i < answers.size(); ++i) {
    const HostAnswer& answer = answers[i];
    if (!answer.status.ok()) {
      *report.add_failures() = DescribeFailure(fleet.members()[i].target, answer.status);
      continue;
    }
    const auto& transactions = answer.said.transactions();
    const auto found = std::find_if(
        transactions.begin(), transactions.end(),
        [&](const v1::SysctlTransaction& transaction) { return name.Names(transaction); });
    if (found == transactions.end()) continue;
    plans.insert(found->set().plan_id());
    v1::HostTransactions& host = *report.add_hosts();
    host.set_name(answer.said.name());
    *host.add_transactions() = *found;
  }
  if (plans.size() > 1) {
    return absl::InvalidArgumentError("that is the beginning of several plans: give more digits");
  }
  if (plans.empty() && report.failures().empty()) {
    return absl::InvalidArgumentError("no host knows that: see 'tcpfleet sysctl log'");
  }
  return report;
}

void ConfirmTransactions(Fleet& fleet, v1::TransactionsReport& report) {
  CallHosts<v1::ConfirmSysctlsResponse>(
      fleet, report,
      [&](FleetMember& member, const v1::HostTransactions& host, auto on_response) {
        v1::ConfirmSysctlsRequest request;
        request.set_transaction(host.transactions(0).id());
        request.set_holder(host.transactions(0).set().plan_id());
        member.client->ConfirmSysctls(request, fleet.timeout(), std::move(on_response));
      },
      [](v1::ConfirmSysctlsResponse answer, v1::HostTransactions& host) {
        *host.mutable_transactions(0) = std::move(*answer.mutable_transaction());
      });
}

void RollBackTransactions(Fleet& fleet, const RollbackWish& wish, v1::TransactionsReport& report) {
  CallHosts<v1::RollbackSysctlsResponse>(
      fleet, report,
      [&](FleetMember& member, const v1::HostTransactions& host, auto on_response) {
        v1::RollbackSysctlsRequest request;
        request.set_transaction(host.transactions(0).id());
        request.set_force(wish.force);
        request.set_author(wish.author);
        request.set_reason(wish.reason);
        member.client->RollbackSysctls(request, fleet.timeout(), std::move(on_response));
      },
      [](v1::RollbackSysctlsResponse answer, v1::HostTransactions& host) {
        if (answer.has_transaction()) {
          *host.mutable_transactions(0) = std::move(*answer.mutable_transaction());
        }
        host.mutable_changed_since()->Swap(answer.mutable_changed_since());
        host.set_file_changed_since(answer.file_changed_since());
      });
}

v1::TransactionsReport ReadLogs(Fleet& fleet, const std::stop_token& stop) {
  v1::TransactionsReport report;
  const auto all = [](const FleetMember&) { return true; };
  std::vector<HostAnswer> answers = ListTransactions(fleet, /*log=*/true, all, stop);
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].status.ok()) {
      *report.add_hosts() = std::move(answers[i].said);
    } else {
      *report.add_failures() = DescribeFailure(fleet.members()[i].target, answers[i].status);
    }
  }
  return report;
}

bool IsDamaged(const v1::TransactionsReport& report) {
  return std::any_of(report.hosts().begin(), report.hosts().end(),
                     [](const v1::HostTransactions& host) { return !host.log_damage().empty(); });
}

}  // namespace tcpfleet::controller
