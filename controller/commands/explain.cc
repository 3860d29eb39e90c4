#include "controller/commands/explain.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "common/sysctl/key.h"
#include "controller/audit/fold.h"
#include "controller/audit/profile.h"
#include "controller/audit/sysctl_readings.h"
#include "controller/cli/printer.h"
#include "controller/cli/text.h"
#include "controller/commands/failures.h"
#include "controller/diagnose/explain.h"

namespace tcpfleet::controller {
namespace {

// What profiles that come with tcpfleet want of it.
absl::Status AddWanted(const std::string& key, v1::ExplainReport& report) {
  for (const std::string& name : BuiltInProfiles()) {
    TF_ASSIGN_OR_RETURN(const Profile profile, LoadProfile(name));
    for (const Rule& rule : profile.rules) {
      if (rule.key != key) continue;
      report.add_wanted(absl::StrCat(name, ": ", WantedText(rule), rule.reason.empty() ? "" : " # ",
                                     rule.reason));
    }
  }
  return absl::OkStatus();
}

// What the hosts have; the number of hosts asked. Without hosts the rest is worth knowing too.
absl::StatusOr<size_t> AddValues(const std::string& key, CommandContext& context,
                                 v1::ExplainReport& report) {
  const absl::StatusOr<std::unique_ptr<Fleet>> opened = context.OpenFleet();
  if (absl::IsInvalidArgument(opened.status())) return opened.status();
  if (!opened.ok()) {
    context.err << "tcpfleet: no host was asked: " << Printable(opened.status().message()) << '\n';
    return size_t{0};
  }
  Fleet& fleet = **opened;
  v1::ReadSysctlsRequest request;
  request.add_patterns(key);
  const std::vector<SysctlReading> readings =
      ReadSysctls(fleet, request, context.interrupt->token());
  v1::SysctlReport read = FoldSysctls(fleet.members(), readings);
  report.mutable_failures()->Swap(read.mutable_failures());
  if (!read.keys().empty()) report.mutable_values()->Swap(read.mutable_keys(0)->mutable_groups());
  return fleet.size();
}

class ExplainCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.add_option("WHAT", what_,
                   "a rule (R01, accept-queue-overflow), sysctl, counter, field, or the text of an "
                   "error; `rules` lists the rules")
        ->required()
        ->type_name("");
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    TF_ASSIGN_OR_RETURN(v1::ExplainReport report, Explain(absl::StrJoin(what_, " ")));
    size_t asked = 0;
    if (report.kind() == "sysctl") {
      TF_ASSIGN_OR_RETURN(const std::string key, sysctl::ParseKey(report.subject()));
      TF_RETURN_IF_ERROR(AddWanted(key, report));
      TF_ASSIGN_OR_RETURN(asked, AddValues(key, context, report));
    }
    switch (context.options.output) {
      case OutputFormat::kTable:
        PrintExplanation(context.out, report, context.out_color);
        break;
      case OutputFormat::kJson:
        TF_RETURN_IF_ERROR(WriteJson(context.out, report));
        break;
      case OutputFormat::kJsonl:
        TF_RETURN_IF_ERROR(WriteJsonl(context.out, report));
        break;
      case OutputFormat::kCsv:
        return absl::InvalidArgumentError("an explanation is no table: use table, json or jsonl");
    }
    return ConcludeFanOut(context, asked, report.failures());
  }

 private:
  std::vector<std::string> what_;
};

}  // namespace

std::unique_ptr<Command> MakeExplainCommand() { return std::make_unique<ExplainCommand>(); }

}  // namespace tcpfleet::controller
