#include "controller/commands/audit.h"

#include <absl/strings/str_join.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "controller/audit/audit.h"
#include "controller/audit/audit_text.h"
#include "controller/audit/check_files.h"
#include "controller/audit/hosts.h"
#include "controller/cli/printer.h"
#include "controller/commands/check_options.h"
#include "controller/commands/failures.h"

namespace tcpfleet::controller {
namespace {

absl::Status PrintAs(const v1::AuditReport& report, CommandContext& context) {
  switch (context.options.output) {
    case OutputFormat::kTable:
      PrintAudit(context.out, report, context.out_color);
      return absl::OkStatus();
    case OutputFormat::kJson:
      return WriteJson(context.out, report);
    case OutputFormat::kJsonl:
      for (const v1::AuditRule& rule : report.rules()) {
        TF_RETURN_IF_ERROR(WriteJsonl(context.out, rule));
      }
      return absl::OkStatus();
    case OutputFormat::kCsv:
      WriteCsv(context.out, AuditCsvHeader(), AuditCsvRows(report));
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

class AuditCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.add_option("--profile", profile_,
                   "what is wanted: " + absl::StrJoin(BuiltInProfiles(), ", ") +
                       ", a file of rules (.yaml), or a sysctl.d file whose values are wanted "
                       "exactly [production]")
        ->type_name("NAME|FILE");
    app.add_option("--fail-on", fail_on_, "info|warn|crit: what makes the exit code 1 [warn]")
        ->type_name("SEVERITY");
    files_.AddOptions(app);
    AddNoCache(app, no_cache_);
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    const absl::StatusOr<Severity> fail_on = ParseSeverity(fail_on_);
    if (!fail_on.ok()) return base::WithContext("--fail-on", fail_on.status());
    TF_ASSIGN_OR_RETURN(const Profile profile, LoadProfile(profile_));
    TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
    const HostReadings read =
        ReadHosts(*fleet, PatternsOf(profile), no_cache_ ? "" : context.cache_directory,
                  context.interrupt->token());
    v1::AuditReport report = Audit(profile, read.hosts);
    *report.mutable_failures() = read.failures;
    TF_RETURN_IF_ERROR(
        files_.Write([&] { return AuditJUnit(report, *fail_on, context.clock.Now()); },
                     [&] { return AuditSarif(report); }));
    TF_RETURN_IF_ERROR(PrintAs(report, context));
    const ExitCode code = ConcludeFanOut(context, fleet->size(), report.failures());
    // A host that did not answer hides what it would have said, but not what others did.
    return code == kOk && IsBroken(report, *fail_on) ? kCheckFailed : code;
  }

 private:
  std::string profile_ = "production";
  std::string fail_on_ = "warn";
  CheckFiles files_;
  bool no_cache_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeAuditCommand() { return std::make_unique<AuditCommand>(); }

}  // namespace tcpfleet::controller
