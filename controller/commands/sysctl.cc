#include "controller/commands/sysctl.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/sysctl/key.h"
#include "controller/audit/fold.h"
#include "controller/audit/sysctl_cache.h"
#include "controller/audit/sysctl_readings.h"
#include "controller/audit/sysctl_text.h"
#include "controller/cli/printer.h"
#include "controller/commands/check_options.h"
#include "controller/commands/failures.h"
#include "controller/commands/sysctl_apply.h"
#include "controller/commands/sysctl_plan.h"
#include "controller/commands/sysctl_transactions.h"

namespace tcpfleet::controller {
namespace {

using PrintTable = void (*)(std::ostream& out, const v1::SysctlReport& report, bool color);

absl::Status PrintAs(const v1::SysctlReport& report, PrintTable print, CommandContext& context) {
  switch (context.options.output) {
    case OutputFormat::kTable:
      print(context.out, report, context.out_color);
      return absl::OkStatus();
    case OutputFormat::kJson:
      return WriteJson(context.out, report);
    case OutputFormat::kJsonl:
      for (const v1::SysctlKeyReport& key : report.keys()) {
        TF_RETURN_IF_ERROR(WriteJsonl(context.out, key));
      }
      return absl::OkStatus();
    case OutputFormat::kCsv:
      WriteCsv(context.out, SysctlCsvHeader(), SysctlCsvRows(report));
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

// Asks, folds and prints. A name that no host knows fails the check.
absl::StatusOr<ExitCode> ShowSysctls(const std::vector<std::string>& patterns, bool persisted,
                                     bool use_cache, PrintTable print, CommandContext& context) {
  v1::ReadSysctlsRequest request;
  request.set_persisted(persisted);
  for (const std::string& pattern : patterns) {
    TF_ASSIGN_OR_RETURN(*request.add_patterns(), sysctl::ParseKey(pattern));
  }
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
  SysctlCache cache(use_cache ? context.cache_directory : "", request);
  const std::vector<SysctlReading> readings =
      ReadSysctls(*fleet, request, context.interrupt->token(), &cache);
  const v1::SysctlReport report = FoldSysctls(fleet->members(), readings);
  TF_RETURN_IF_ERROR(PrintAs(report, print, context));
  const ExitCode code = ConcludeFanOut(context, readings.size(), report.failures());
  return code == kOk && report.unmatched_size() > 0 ? kCheckFailed : code;
}

class GetCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.add_option("KEY", patterns_,
                   "net.core.somaxconn, net.ipv4 (all below it) or a pattern such as "
                   "'net.ipv4.tcp_*mem'; none: all of net and a few more");
    AddNoCache(app, no_cache_);
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    return ShowSysctls(patterns_, /*persisted=*/false, !no_cache_, &PrintSysctls, context);
  }

 private:
  std::vector<std::string> patterns_;
  bool no_cache_ = false;
};

constexpr CommandEntry kCommands[] = {
    {"get", "what is in force, hosts that say the same folded",
     [] { return std::unique_ptr<Command>(std::make_unique<GetCommand>()); }},
    {"plan", "what would have to change; nothing is written on hosts", &MakeSysctlPlanCommand},
    {"apply", "take a saved plan to its hosts, wave by wave", &MakeSysctlApplyCommand},
    {"confirm", "keep changes that wait to be confirmed", &MakeSysctlConfirmCommand},
    {"rollback", "restore what a plan or transaction has changed", &MakeSysctlRollbackCommand},
    {"log", "what was changed when, and by whom", &MakeSysctlLogCommand},
};

class SysctlCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.require_subcommand(1);
    for (const CommandEntry& entry : kCommands) {
      CLI::App* sub = app.add_subcommand(std::string(entry.name), std::string(entry.summary));
      commands_.emplace_back(sub, entry.make());
      commands_.back().second->AddOptions(*sub);
    }
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    for (const auto& [app, command] : commands_) {
      if (app->parsed()) return command->Run(context);
    }
    return absl::InternalError("no command of sysctl was given");
  }

 private:
  std::vector<std::pair<CLI::App*, std::unique_ptr<Command>>> commands_;
};

class WhoSetsCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.add_option("KEY", patterns_, "keys or patterns of them")->required();
    AddNoCache(app, no_cache_);
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    return ShowSysctls(patterns_, /*persisted=*/true, !no_cache_, &PrintWhoSets, context);
  }

 private:
  std::vector<std::string> patterns_;
  bool no_cache_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeSysctlCommand() { return std::make_unique<SysctlCommand>(); }

std::unique_ptr<Command> MakeWhoSetsCommand() { return std::make_unique<WhoSetsCommand>(); }

}  // namespace tcpfleet::controller
