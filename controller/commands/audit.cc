#include "controller/commands/audit.h"

#include <absl/strings/str_join.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "controller/audit/audit.h"
#include "controller/audit/audit_text.h"
#include "controller/cli/printer.h"
#include "controller/commands/failures.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/hello.h"

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
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    const absl::StatusOr<Severity> fail_on = ParseSeverity(fail_on_);
    if (!fail_on.ok()) return base::WithContext("--fail-on", fail_on.status());
    TF_ASSIGN_OR_RETURN(const Profile profile, LoadProfile(profile_));
    TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
    const std::vector<Hello> hellos = SayHello(*fleet, context.clock, context.interrupt->token());
    v1::ReadSysctlsRequest request;
    request.set_persisted(true);
    for (std::string& pattern : PatternsOf(profile)) request.add_patterns(std::move(pattern));
    const std::vector<SysctlReading> readings =
        ReadSysctls(*fleet, request, context.interrupt->token());

    v1::AuditReport failed;
    std::vector<AuditedHost> hosts;
    for (size_t i = 0; i < readings.size(); ++i) {
      const AgentTarget& target = fleet->members()[i].target;
      const absl::Status status =
          hellos[i].host.ok() ? readings[i].status : hellos[i].host.status();
      if (!status.ok()) {
        *failed.add_failures() = DescribeFailure(target, status);
        continue;
      }
      hosts.push_back({target.name,
                       {.kernel = hellos[i].host->kernel(),
                        .memory_bytes = hellos[i].host->memory_bytes(),
                        .labels = target.labels},
                       &readings[i]});
    }
    v1::AuditReport report = Audit(profile, hosts);
    report.mutable_failures()->Swap(failed.mutable_failures());
    TF_RETURN_IF_ERROR(PrintAs(report, context));
    const ExitCode code = ConcludeFanOut(context, readings.size(), report.failures());
    // A host that did not answer hides what it would have said, but not what others did.
    return code == kOk && IsBroken(report, *fail_on) ? kCheckFailed : code;
  }

 private:
  std::string profile_ = "production";
  std::string fail_on_ = "warn";
};

}  // namespace

std::unique_ptr<Command> MakeAuditCommand() { return std::make_unique<AuditCommand>(); }

}  // namespace tcpfleet::controller
