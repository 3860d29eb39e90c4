#include "controller/commands/sysctl_transactions.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <initializer_list>
#include <string>

#include "common/base/status_macros.h"
#include "controller/cli/option_types.h"
#include "controller/cli/printer.h"
#include "controller/commands/failures.h"
#include "controller/rollout/author.h"
#include "controller/rollout/transactions.h"
#include "controller/rollout/transactions_text.h"

namespace tcpfleet::controller {
namespace {

constexpr uint64_t kMostLines = 1'000'000;

// Everything but the table.
absl::Status PrintData(const v1::TransactionsReport& report, bool log, CommandContext& context) {
  switch (context.options.output) {
    case OutputFormat::kTable:
      return absl::OkStatus();
    case OutputFormat::kJson:
      return WriteJson(context.out, report);
    case OutputFormat::kJsonl:
      for (const v1::HostTransactions& host : report.hosts()) {
        TF_RETURN_IF_ERROR(WriteJsonl(context.out, host));
      }
      return absl::OkStatus();
    case OutputFormat::kCsv:
      WriteCsv(context.out, log ? LogCsvHeader() : TransactionsCsvHeader(),
               log ? LogCsvRows(report) : TransactionsCsvRows(report));
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

size_t Asked(const v1::TransactionsReport& report) {
  return static_cast<size_t>(report.hosts_size() + report.failures_size());
}

using State = v1::SysctlTransaction;

// Prints what became of transactions; `wanted` are the states that are right.
absl::StatusOr<ExitCode> Conclude(const v1::TransactionsReport& report,
                                  std::initializer_list<State::State> wanted,
                                  CommandContext& context) {
  if (context.options.output == OutputFormat::kTable) PrintTransactions(context.out, report);
  TF_RETURN_IF_ERROR(PrintData(report, /*log=*/false, context));
  const ExitCode code = ConcludeFanOut(context, Asked(report), report.failures());
  const bool all = std::all_of(
      report.hosts().begin(), report.hosts().end(), [&](const v1::HostTransactions& host) {
        return host.transactions_size() == 1 &&
               std::find(wanted.begin(), wanted.end(), host.transactions(0).state()) !=
                   wanted.end();
      });
  return code == kOk && !all ? kRefused : code;
}

class ConfirmCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.add_option("PLAN_ID|TRANSACTION", name_, "what to confirm, on every host that has it")
        ->required();
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    TF_ASSIGN_OR_RETURN(const TransactionName name, TransactionName::Parse(name_));
    TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
    TF_ASSIGN_OR_RETURN(v1::TransactionsReport report,
                        FindTransactions(*fleet, name, context.interrupt->token()));
    ConfirmTransactions(*fleet, report);
    return Conclude(report, {State::STATE_CONFIRMED}, context);
  }

 private:
  std::string name_;
};

class RollbackCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.add_option("PLAN_ID|TRANSACTION", name_, "what to take back, on every host that has it")
        ->required();
    app.add_flag("--force", force_, "also where values or the file have changed since");
    app.add_option("--reason", reason_, "why, for the logs of the hosts")->type_name("TEXT");
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    TF_ASSIGN_OR_RETURN(const TransactionName name, TransactionName::Parse(name_));
    TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
    TF_ASSIGN_OR_RETURN(v1::TransactionsReport report,
                        FindTransactions(*fleet, name, context.interrupt->token()));
    RollBackTransactions(*fleet, {force_, Author(), reason_}, report);
    const absl::StatusOr<ExitCode> code = Conclude(
        report, {State::STATE_ROLLED_BACK, State::STATE_REVERTED, State::STATE_RESTORED}, context);
    const bool changed = std::any_of(
        report.hosts().begin(), report.hosts().end(), [](const v1::HostTransactions& host) {
          return host.changed_since_size() > 0 || !host.file_changed_since().empty();
        });
    if (changed && !force_) {
      context.err << "tcpfleet: nothing was written where something has changed since: --force "
                     "restores it all the same\n";
    }
    return code;
  }

 private:
  std::string name_;
  std::string reason_;
  bool force_ = false;
};

class LogCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.add_flag("--verify", verify_, "only whether the log of each host is whole");
    AddCount(app, "--last", last_, 1, kMostLines, "newest lines of the table [50]");
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
    const v1::TransactionsReport report = ReadLogs(*fleet, context.interrupt->token());
    const bool is_damaged = IsDamaged(report);
    if (context.options.output == OutputFormat::kTable) {
      if (!verify_) {
        PrintLogs(context.out, report, last_,
                  context.out_is_terminal ? context.terminal_columns : 0, context.out_color);
      }
      if (verify_ || is_damaged) PrintVerification(context.out, report, context.out_color);
    }
    TF_RETURN_IF_ERROR(PrintData(report, /*log=*/true, context));
    const ExitCode code = ConcludeFanOut(context, fleet->size(), report.failures());
    return is_damaged && !context.interrupt->requested() ? kCheckFailed : code;
  }

 private:
  bool verify_ = false;
  uint64_t last_ = 50;
};

}  // namespace

std::unique_ptr<Command> MakeSysctlConfirmCommand() { return std::make_unique<ConfirmCommand>(); }
std::unique_ptr<Command> MakeSysctlRollbackCommand() { return std::make_unique<RollbackCommand>(); }
std::unique_ptr<Command> MakeSysctlLogCommand() { return std::make_unique<LogCommand>(); }

}  // namespace tcpfleet::controller
