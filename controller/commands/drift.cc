#include "controller/commands/drift.h"

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "common/sysctl/key.h"
#include "controller/audit/baseline.h"
#include "controller/audit/check_files.h"
#include "controller/audit/drift.h"
#include "controller/audit/drift_text.h"
#include "controller/audit/hosts.h"
#include "controller/cli/option_types.h"
#include "controller/cli/printer.h"
#include "controller/commands/check_options.h"
#include "controller/commands/failures.h"

namespace tcpfleet::controller {
namespace {

absl::Status PrintAs(const v1::DriftReport& report, CommandContext& context) {
  switch (context.options.output) {
    case OutputFormat::kTable:
      PrintDrift(context.out, report, context.out_color);
      return absl::OkStatus();
    case OutputFormat::kJson:
      return WriteJson(context.out, report);
    case OutputFormat::kJsonl:
      for (const v1::DriftedKey& key : report.keys()) {
        TF_RETURN_IF_ERROR(WriteJsonl(context.out, key));
      }
      return absl::OkStatus();
    case OutputFormat::kCsv:
      WriteCsv(context.out, DriftCsvHeader(), DriftCsvRows(report));
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

class DriftCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.add_option("KEY", patterns_,
                   "compare these: keys, directories of them or patterns; none: all of net and a "
                   "few more");
    app.add_option("--since", since_,
                   "compare every host with itself, as this file has it: of --save, or of "
                   "'sysctl get --output json'")
        ->type_name("FILE");
    app.add_option("--save", save_, "keep what every host has, for --since")->type_name("FILE");
    AddParsed(app, "--fail-on", "WHAT", "none|drift: what makes the exit code 1 [drift]",
              [this](absl::string_view text) {
                fails_ = text == "drift";
                return text == "drift" || text == "none"
                           ? absl::OkStatus()
                           : absl::InvalidArgumentError("write none or drift");
              });
    files_.AddOptions(app);
    AddNoCache(app, no_cache_);
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    std::vector<std::string> patterns;
    for (const std::string& text : patterns_) {
      TF_ASSIGN_OR_RETURN(patterns.emplace_back(), sysctl::ParseKey(text));
    }
    if (patterns.empty()) patterns = DriftPatterns();
    std::optional<Baseline> baseline;
    if (!since_.empty()) {
      TF_ASSIGN_OR_RETURN(baseline, ReadBaseline(since_));
    }
    if (!save_.empty()) {
      TF_RETURN_IF_ERROR(CheckBaselinePath(save_));
    }

    TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
    const HostReadings read = ReadHosts(*fleet, patterns, no_cache_ ? "" : context.cache_directory,
                                        context.interrupt->token());
    v1::DriftReport report =
        baseline ? FindChanges(read.hosts, *baseline, patterns) : FindDrift(read.hosts);
    *report.mutable_failures() = read.failures;
    if (!save_.empty()) {
      TF_RETURN_IF_ERROR(SaveBaseline(save_, context.clock.Now(), patterns, read.hosts));
    }
    TF_RETURN_IF_ERROR(files_.Write([&] { return DriftJUnit(report, context.clock.Now()); },
                                    [&] { return DriftSarif(report); }));
    TF_RETURN_IF_ERROR(PrintAs(report, context));
    const ExitCode code = ConcludeFanOut(context, fleet->size(), report.failures());
    return code == kOk && fails_ && report.keys_size() > 0 ? kCheckFailed : code;
  }

 private:
  std::vector<std::string> patterns_;
  std::string since_;
  std::string save_;
  CheckFiles files_;
  bool fails_ = true;
  bool no_cache_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeDriftCommand() { return std::make_unique<DriftCommand>(); }

}  // namespace tcpfleet::controller
