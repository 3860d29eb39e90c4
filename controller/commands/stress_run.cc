#include "controller/commands/stress_run.h"

#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "common/sys/terminal.h"
#include "controller/campaign/campaign.h"
#include "controller/campaign/campaign_text.h"
#include "controller/campaign/comparison.h"
#include "controller/campaign/junit.h"
#include "controller/campaign/page.h"
#include "controller/campaign/saved_run.h"
#include "controller/cli/printer.h"
#include "controller/cli/text.h"
#include "controller/fleet/failure.h"
#include "controller/stress/options.h"
#include "controller/stress/progress.h"
#include "controller/stress/report_csv.h"
#include "controller/stress/report_text.h"
#include "controller/stress/session.h"

namespace tcpfleet::controller {
namespace {

TerminalSize TerminalSizeNow(const CommandContext& context) {
  TerminalSize size{.columns = context.terminal_columns};
  if (const int columns = sys::TerminalColumns(STDERR_FILENO); columns > 0) size.columns = columns;
  if (const int lines = sys::TerminalLines(STDERR_FILENO); lines > 0) size.lines = lines;
  return size;
}

RunProgress::Options ProgressOptions(const StressOptions& options, const CommandContext& context) {
  RunProgress::Options shown;
  shown.has_responses = HasResponses(options.spec);
  if (context.err_is_terminal) shown.terminal_size = [&] { return TerminalSizeNow(context); };
  return shown;
}

// One run, with everything there is to keep of it.
absl::StatusOr<ExitCode> MakeSingle(const Campaign& campaign, StressSession& session,
                                    v1::SavedRun& saved, CommandContext& context) {
  TF_ASSIGN_OR_RETURN(const StressOptions options,
                      ParseStressOptions(campaign.options.ToArguments()));
  RunProgress::Options shown = ProgressOptions(options, context);
  if (context.options.output == OutputFormat::kJsonl) shown.jsonl = &context.out;
  RunProgress progress(context.err, shown);
  TF_ASSIGN_OR_RETURN(SessionRun run, session.Run(options, &progress));
  *saved.mutable_report() = std::move(run.report);
  *saved.mutable_intervals() = {run.intervals.begin(), run.intervals.end()};
  *saved.mutable_histograms() = {run.histograms.begin(), run.histograms.end()};
  *saved.mutable_hosts() = {run.hosts.begin(), run.hosts.end()};
  return run.exit_code;
}

absl::StatusOr<ExitCode> MakeSeveral(const Campaign& campaign, StressSession& session,
                                     v1::SavedRun& saved, CommandContext& context) {
  const auto make = [&](const Trial& trial) -> absl::StatusOr<TrialResult> {
    TF_ASSIGN_OR_RETURN(const StressOptions options, ParseStressOptions(ArgumentsOf(trial)));
    std::optional<RunProgress> progress;  // in pipes one line per run is enough
    if (context.err_is_terminal) progress.emplace(context.err, ProgressOptions(options, context));
    TF_ASSIGN_OR_RETURN(SessionRun run,
                        session.Run(options, progress.has_value() ? &*progress : nullptr));
    if (saved.hosts_size() == 0) *saved.mutable_hosts() = {run.hosts.begin(), run.hosts.end()};
    AddRunIntervals(std::move(run.intervals), saved);
    return TrialResult{std::move(run.report), run.exit_code};
  };
  int number = 0;
  const auto show = [&](const v1::CampaignRun& run) {
    context.err << Printable(RunLine(++number, run)) << std::endl;
    if (context.options.output != OutputFormat::kJsonl) return;
    const absl::Status written = WriteJsonl(context.out, run);
    if (!written.ok()) context.err << Printable(written.message()) << "\n";
    context.out.flush();
  };
  TF_ASSIGN_OR_RETURN(CampaignResult result, RunCampaign(campaign, make, show));
  *saved.mutable_campaign() = std::move(result.report);
  return result.exit_code;
}

// With the table all of it is on stdout.
void Talk(const v1::SavedRun& saved, CommandContext& context) {
  if (context.options.output == OutputFormat::kTable) return;
  if (saved.has_campaign()) {
    context.err << saved.campaign().verdict() << ": "
                << Printable(saved.campaign().verdict_reason()) << "\n";
    return;
  }
  const v1::StressReport& report = saved.report();
  const std::vector<v1::AgentFailure> failures(report.failures().begin(), report.failures().end());
  for (const std::string& line : FailureLines(failures)) context.err << Printable(line) << "\n";
  context.err << report.verdict() << ": " << Printable(report.verdict_reason()) << "\n";
}

void TellDifferences(const v1::SavedRun& before, const v1::SavedRun& now, CommandContext& context) {
  const auto tell = [&](absl::string_view what, absl::string_view a, absl::string_view b) {
    context.err << Printable(absl::StrCat("differs: ", what, ": ", a.empty() ? "-" : a, " before, ",
                                          b.empty() ? "-" : b, " now"))
                << "\n";
  };
  const auto version = [](const v1::SavedRun& saved) {
    const bool several = saved.has_campaign() && saved.campaign().runs_size() > 0;
    return (several ? saved.campaign().runs(0).report() : saved.report())
        .run()
        .controller_version();
  };
  if (version(before) != version(now)) tell("this program", version(before), version(now));
  const std::vector<v1::Difference> differences = HostDifferences(before, now);
  for (const v1::Difference& difference : differences) {
    tell(difference.what(), difference.a(), difference.b());
  }
  if (differences.empty()) context.err << "the hosts are as they were then\n";
}

absl::Status WriteTo(const std::string& path, const absl::StatusOr<std::string>& content,
                     CommandContext& context) {
  TF_RETURN_IF_ERROR(content.status());
  TF_RETURN_IF_ERROR(sys::ReplaceFile(path, *content));
  context.err << "wrote " << Printable(path) << "\n";
  return absl::OkStatus();
}

std::string CsvOf(const v1::SavedRun& saved) {
  std::ostringstream csv;
  if (saved.has_campaign()) {
    WriteCsv(csv, CampaignCsvHeader(), CampaignCsvRows(saved.campaign()));
  } else {
    WriteCsv(csv, StressCsvHeader(), StressCsvRows(saved.report()));
  }
  return csv.str();
}

}  // namespace

void KeptFiles::AddReportOptions(CLI::App& app, const std::string& html_option) {
  app.add_option(html_option, html, "write a page that opens from disk")->type_name("FILE.html");
  app.add_option("--junit", junit, "write the verdict and thresholds as CI systems read them")
      ->type_name("FILE.xml");
  app.add_option("--csv", csv, "write what --output csv prints")->type_name("FILE.csv");
}

void KeptFiles::AddSaveOption(CLI::App& app) {
  app.add_option("--save", save,
                 "keep the run whole, for 'tcpfleet report' and 'tcpfleet rerun'; only a saved run "
                 "is overwritten")
      ->type_name("FILE.json");
}

absl::Status PrintSaved(const v1::SavedRun& saved, CommandContext& context) {
  const int width = context.out_is_terminal ? context.terminal_columns : 0;
  const bool several = saved.has_campaign();
  switch (context.options.output) {
    case OutputFormat::kTable:
      if (several) {
        PrintCampaign(context.out, saved.campaign(), width, context.out_color);
      } else {
        PrintReport(context.out, saved.report(), width, context.out_color);
      }
      return absl::OkStatus();
    case OutputFormat::kJson:
      return several ? WriteJson(context.out, saved.campaign())
                     : WriteJson(context.out, saved.report());
    case OutputFormat::kJsonl: {
      if (!several) return WriteJsonl(context.out, saved.report());
      v1::CampaignReport rest = saved.campaign();
      rest.clear_runs();  // they have been printed
      return WriteJsonl(context.out, rest);
    }
    case OutputFormat::kCsv:
      context.out << CsvOf(saved);
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status WriteReports(const v1::SavedRun& saved, const KeptFiles& files,
                          CommandContext& context) {
  absl::Status first;
  if (!files.html.empty()) first.Update(WriteTo(files.html, HtmlPage(saved), context));
  if (!files.junit.empty()) first.Update(WriteTo(files.junit, JUnitXml(saved), context));
  if (!files.csv.empty()) first.Update(WriteTo(files.csv, CsvOf(saved), context));
  return first;
}

absl::StatusOr<ExitCode> RunStress(const GivenOptions& given, const KeptFiles& files,
                                   const v1::SavedRun* before, CommandContext& context) {
  TF_ASSIGN_OR_RETURN(const Campaign campaign, PlanCampaign(given));
  if (!files.save.empty()) {
    TF_RETURN_IF_ERROR(CheckSavePath(files.save));
  }
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
  StressSession session(*fleet, context.clock, context.interrupt->token());
  v1::SavedRun saved;
  *saved.mutable_options() = {given.list().begin(), given.list().end()};
  TF_ASSIGN_OR_RETURN(ExitCode exit_code, campaign.kind == Campaign::Kind::kSingle
                                              ? MakeSingle(campaign, session, saved, context)
                                              : MakeSeveral(campaign, session, saved, context));
  const absl::Status printed = PrintSaved(saved, context);
  Talk(saved, context);
  if (before != nullptr) TellDifferences(*before, saved, context);

  absl::Status kept = WriteReports(saved, files, context);
  if (!files.save.empty()) {
    const absl::Status written = SaveRun(saved, files.save);
    if (written.ok()) context.err << "wrote " << Printable(files.save) << "\n";
    kept.Update(written);
  }
  TF_RETURN_IF_ERROR(printed);
  if (kept.ok()) return exit_code;
  context.err << Printable(absl::StrCat("not kept: ", kept.message())) << "\n";
  return exit_code == kOk ? kPartial : exit_code;
}

}  // namespace tcpfleet::controller
