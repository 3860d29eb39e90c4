#include "controller/rollout/transactions_text.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/strip.h>
#include <absl/time/time.h>

#include <algorithm>
#include <map>

#include "common/sysctl/key.h"
#include "controller/cli/color.h"
#include "controller/cli/table.h"
#include "controller/cli/text.h"
#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::Duration kAlike = absl::Minutes(1);
constexpr size_t kIdShown = 12;

std::string Dotted(const std::string& key) { return key.empty() ? "" : sysctl::DottedKey(key); }

absl::Time TimeOf(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

std::string TimeText(const google::protobuf::Timestamp& timestamp) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", TimeOf(timestamp), absl::LocalTimeZone());
}

std::string ChangesText(const google::protobuf::RepeatedPtrField<v1::SysctlChange>& changes) {
  return absl::StrJoin(changes, ", ", [](std::string* out, const v1::SysctlChange& change) {
    absl::StrAppend(out, Dotted(change.key()), ": ", change.old_value(), " -> ",
                    change.new_value());
  });
}

std::string StateText(const v1::HostTransactions& host) {
  if (!host.changed_since().empty() || !host.file_changed_since().empty()) {
    std::vector<std::string> since;
    if (!host.changed_since().empty()) since.push_back(ChangesText(host.changed_since()));
    if (!host.file_changed_since().empty()) since.push_back(host.file_changed_since());
    return absl::StrCat("changed since: ", absl::StrJoin(since, "; "));
  }
  if (host.transactions().empty()) return "";
  const v1::SysctlTransaction& transaction = host.transactions(0);
  return absl::StrCat(TransactionStateName(transaction.state()),
                      transaction.why().empty() ? "" : ": ", transaction.why());
}

struct LogLine {
  const v1::SysctlLogEntry* first = nullptr;
  absl::Time time;
  std::vector<std::string> names;
};

// What makes two lines alike.
std::string Alike(const v1::SysctlLogEntry& entry) {
  v1::SysctlLogEntry alike = entry;
  alike.clear_sequence();
  alike.clear_time();
  alike.clear_monotonic_ns();
  alike.clear_boot_id();
  alike.clear_transaction();
  alike.clear_peer();
  alike.clear_previous_hash();
  alike.clear_hash();
  return alike.SerializeAsString();
}

std::vector<LogLine> LinesOf(const v1::TransactionsReport& report) {
  std::vector<LogLine> all;
  for (const v1::HostTransactions& host : report.hosts()) {
    for (const v1::SysctlLogEntry& entry : host.log()) {
      all.push_back({&entry, TimeOf(entry.time()), {host.name()}});
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const LogLine& a, const LogLine& b) { return a.time < b.time; });
  std::map<std::string, size_t> open;
  std::vector<LogLine> lines;
  for (LogLine& line : all) {
    const auto [found, is_new] = open.try_emplace(Alike(*line.first), lines.size());
    LogLine* same = is_new ? nullptr : &lines[found->second];
    const bool folds =
        same != nullptr && line.time - same->time < kAlike &&
        std::find(same->names.begin(), same->names.end(), line.names[0]) == same->names.end();
    if (folds) {
      same->names.push_back(line.names[0]);
      continue;
    }
    found->second = lines.size();
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string What(const v1::SysctlLogEntry& entry) {
  if (entry.key().empty()) return entry.reason();
  return absl::StrCat(Dotted(entry.key()), ": ", entry.old_value(), " -> ", entry.new_value());
}

}  // namespace

std::string TransactionStateName(v1::SysctlTransaction::State state) {
  if (!v1::SysctlTransaction::State_IsValid(state)) return "unknown";
  const std::string name = v1::SysctlTransaction::State_Name(state);
  return absl::StrReplaceAll(absl::AsciiStrToLower(absl::StripPrefix(name, "STATE_")),
                             {{"_", "-"}});
}

void PrintTransactions(std::ostream& out, const v1::TransactionsReport& report) {
  std::map<std::string, std::vector<std::string>> names;
  for (const v1::HostTransactions& host : report.hosts()) {
    names[StateText(host)].push_back(host.name());
  }
  for (const auto& [state, hosts] : names) {
    out << Printable(FoldNames(hosts)) << ": " << Printable(state) << "\n";
  }
}

void PrintLogs(std::ostream& out, const v1::TransactionsReport& report, size_t last, int width,
               bool color) {
  std::vector<LogLine> lines = LinesOf(report);
  if (lines.size() > last) {
    lines.erase(lines.begin(), lines.end() - static_cast<ptrdiff_t>(last));
  }
  Table table({{"TIME"}, {"HOSTS"}, {"ACTION"}, {"PLAN"}, {"WHO"}, {"RESULT"}, {"WHAT"}});
  for (const LogLine& line : lines) {
    const v1::SysctlLogEntry& entry = *line.first;
    table.AddRow({TimeText(entry.time()),
                  FoldNames(line.names),
                  entry.action(),
                  entry.plan_id().substr(0, kIdShown),
                  entry.author(),
                  {entry.result(), entry.result() == "ok" ? Style::kPlain : Style::kRed},
                  What(entry)});
  }
  table.Print(out, width, color);
}

void PrintVerification(std::ostream& out, const v1::TransactionsReport& report, bool color) {
  std::map<std::string, std::vector<std::string>> names;
  for (const v1::HostTransactions& host : report.hosts()) {
    names[host.log_damage().empty() ? "" : host.log_damage()].push_back(host.name());
  }
  for (const auto& [damage, hosts] : names) {
    out << Printable(FoldNames(hosts)) << ": "
        << (damage.empty() ? "whole" : Styled(Style::kRed, "damaged: " + Printable(damage), color))
        << "\n";
  }
}

CsvRow TransactionsCsvHeader() {
  return {"agent", "transaction", "plan_id", "state", "why", "changed_since", "file_changed_since"};
}

std::vector<CsvRow> TransactionsCsvRows(const v1::TransactionsReport& report) {
  std::vector<CsvRow> rows;
  for (const v1::HostTransactions& host : report.hosts()) {
    for (const v1::SysctlTransaction& transaction : host.transactions()) {
      rows.push_back({host.name(), transaction.id(), transaction.set().plan_id(),
                      TransactionStateName(transaction.state()), transaction.why(),
                      ChangesText(host.changed_since()), host.file_changed_since()});
    }
  }
  return rows;
}

CsvRow LogCsvHeader() {
  return {"agent", "sequence", "time",      "action",    "transaction", "plan_id", "author",
          "peer",  "key",      "old_value", "new_value", "result",      "reason",  "damage"};
}

std::vector<CsvRow> LogCsvRows(const v1::TransactionsReport& report) {
  std::vector<CsvRow> rows;
  for (const v1::HostTransactions& host : report.hosts()) {
    for (const v1::SysctlLogEntry& entry : host.log()) {
      rows.push_back(
          {host.name(), absl::StrCat(entry.sequence()),
           absl::FormatTime(absl::RFC3339_full, TimeOf(entry.time()), absl::UTCTimeZone()),
           entry.action(), entry.transaction(), entry.plan_id(), entry.author(), entry.peer(),
           Dotted(entry.key()), entry.old_value(), entry.new_value(), entry.result(),
           entry.reason(), host.log_damage()});
    }
  }
  return rows;
}

}  // namespace tcpfleet::controller
