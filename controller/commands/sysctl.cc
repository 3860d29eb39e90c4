#include "controller/commands/sysctl.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "common/sysctl/key.h"
#include "controller/audit/fold.h"
#include "controller/audit/sysctl_readings.h"
#include "controller/audit/sysctl_text.h"
#include "controller/cli/printer.h"
#include "controller/commands/failures.h"

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
                                     PrintTable print, CommandContext& context) {
  v1::ReadSysctlsRequest request;
  request.set_persisted(persisted);
  for (const std::string& pattern : patterns) {
    TF_ASSIGN_OR_RETURN(*request.add_patterns(), sysctl::ParseKey(pattern));
  }
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
  const std::vector<SysctlReading> readings =
      ReadSysctls(*fleet, request, context.interrupt->token());
  const v1::SysctlReport report = FoldSysctls(fleet->members(), readings);
  TF_RETURN_IF_ERROR(PrintAs(report, print, context));
  const ExitCode code = ConcludeFanOut(context, readings.size(), report.failures());
  return code == kOk && report.unmatched_size() > 0 ? kCheckFailed : code;
}

class SysctlCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.require_subcommand(1);
    CLI::App* get = app.add_subcommand("get", "what is in force, hosts that say the same folded");
    get->add_option("KEY", patterns_,
                    "net.core.somaxconn, net.ipv4 (all below it) or a pattern such as "
                    "'net.ipv4.tcp_*mem'; none: all of net and a few more");
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    return ShowSysctls(patterns_, /*persisted=*/false, &PrintSysctls, context);
  }

 private:
  std::vector<std::string> patterns_;
};

class WhoSetsCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.add_option("KEY", patterns_, "keys or patterns of them")->required();
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    return ShowSysctls(patterns_, /*persisted=*/true, &PrintWhoSets, context);
  }

 private:
  std::vector<std::string> patterns_;
};

}  // namespace

std::unique_ptr<Command> MakeSysctlCommand() { return std::make_unique<SysctlCommand>(); }

std::unique_ptr<Command> MakeWhoSetsCommand() { return std::make_unique<WhoSetsCommand>(); }

}  // namespace tcpfleet::controller
