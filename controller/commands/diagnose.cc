#include "controller/commands/diagnose.h"

#include <CLI/CLI.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "controller/cli/option_types.h"
#include "controller/cli/printer.h"
#include "controller/commands/failures.h"
#include "controller/diagnose/bundle.h"
#include "controller/diagnose/collect.h"
#include "controller/diagnose/diagnosis_text.h"
#include "controller/diagnose/judge.h"

namespace tcpfleet::controller {
namespace {

absl::Status PrintAs(const v1::DiagnosisReport& report, CommandContext& context) {
  switch (context.options.output) {
    case OutputFormat::kTable:
      PrintDiagnosis(context.out, report, context.out_color);
      return absl::OkStatus();
    case OutputFormat::kJson:
      return WriteJson(context.out, report);
    case OutputFormat::kJsonl:
      for (const v1::Finding& finding : report.findings()) {
        TF_RETURN_IF_ERROR(WriteJsonl(context.out, finding));
      }
      return absl::OkStatus();
    case OutputFormat::kCsv:
      WriteCsv(context.out, DiagnosisCsvHeader(), DiagnosisCsvRows(report));
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

// Those that died under way have said something as well.
size_t AgentsIn(const v1::DiagnosisReport& report) {
  std::set<std::string> names(report.hosts().begin(), report.hosts().end());
  for (const v1::AgentFailure& failure : report.failures()) names.insert(failure.name());
  return names.size();
}

class DiagnoseCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    AddDuration(app, "--for", window_, absl::Seconds(1), absl::Hours(1), "how long to look [10s]");
    app.add_option("--rules", rules_, "only these, by number or id: R01,short-connection-churn")
        ->delimiter(',')
        ->type_name("RULE,...");
    app.add_option("--thresholds", thresholds_,
                   "YAML file with other numbers: rules: {RULE: {NAME: NUMBER}, RULE: off}")
        ->type_name("FILE");
    app.add_option("--fail-on", fail_on_, "info|warn|crit: what makes the exit code 1 [warn]")
        ->type_name("SEVERITY");
    app.add_flag("--all-namespaces", all_namespaces_, "also other network namespaces of the hosts");
    CLI::Option* const bundle =
        app.add_option("--bundle", bundle_, "keep the evidence in a file")->type_name("FILE");
    app.add_option("--from", from_, "judge the evidence of such a file instead of a fleet")
        ->type_name("FILE")
        ->excludes(bundle);
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    const absl::StatusOr<FindingSeverity> fail_on = ParseFindingSeverity(fail_on_);
    if (!fail_on.ok()) return base::WithContext("--fail-on", fail_on.status());
    TF_ASSIGN_OR_RETURN(const RuleSelection selection, Select());
    TF_ASSIGN_OR_RETURN(const v1::EvidenceBundle bundle,
                        from_.empty() ? Collect(selection, context) : ReadBundle(from_));
    if (!bundle_.empty()) {
      TF_RETURN_IF_ERROR(WriteBundle(bundle_, bundle));
    }
    const v1::DiagnosisReport report = Diagnose(bundle, selection);
    TF_RETURN_IF_ERROR(PrintAs(report, context));
    const ExitCode code = ConcludeFanOut(context, AgentsIn(report), report.failures());
    return code == kOk && HasFinding(report, *fail_on) ? kCheckFailed : code;
  }

 private:
  absl::StatusOr<RuleSelection> Select() const {
    RuleSelection selection = DefaultRules();
    if (!rules_.empty()) {
      TF_ASSIGN_OR_RETURN(selection, SelectRules(rules_));
    }
    if (!thresholds_.empty()) {
      TF_ASSIGN_OR_RETURN(const std::string yaml, sys::ReadFile(thresholds_));
      TF_RETURN_IF_ERROR(ApplyRuleSettings(thresholds_, yaml, selection));
    }
    return selection;
  }

  absl::StatusOr<v1::EvidenceBundle> Collect(const RuleSelection& selection,
                                             CommandContext& context) const {
    TF_ASSIGN_OR_RETURN(std::unique_ptr<Fleet> fleet, context.OpenFleet());
    CollectionOptions options{.window = window_, .all_namespaces = all_namespaces_};
    if (context.err_is_terminal) {
      options.on_sample = [&context](int taken, int of) {
        context.err << "\rtcpfleet: sample " << taken << " of " << of
                    << (taken == of ? "\r\x1b[K" : "") << std::flush;
      };
    }
    return CollectEvidence(std::move(fleet), selection, options, context.clock,
                           context.interrupt->token());
  }

  absl::Duration window_ = absl::Seconds(10);
  std::vector<std::string> rules_;
  std::string thresholds_;
  std::string fail_on_ = "warn";
  bool all_namespaces_ = false;
  std::string bundle_;
  std::string from_;
};

}  // namespace

std::unique_ptr<Command> MakeDiagnoseCommand() { return std::make_unique<DiagnoseCommand>(); }

}  // namespace tcpfleet::controller
