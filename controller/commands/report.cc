#include "controller/commands/report.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "controller/campaign/comparison.h"
#include "controller/campaign/saved_run.h"
#include "controller/commands/stress_run.h"

namespace tcpfleet::controller {
namespace {

class ReportCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override;
  absl::StatusOr<ExitCode> Run(CommandContext& context) override;

 private:
  absl::StatusOr<v1::SavedRun> Load() const;

  std::string path_;
  std::vector<std::string> compared_;
  KeptFiles files_;
};

void ReportCommand::AddOptions(CLI::App& app) {
  app.add_option("FILE", path_, "what `stress --save` or `stress --output json` wrote")
      ->type_name("");
  app.add_option("--compare", compared_,
                 "instead: how B's numbers relate to A's, with what is not alike")
      ->type_name("A.json B.json")
      ->expected(2);
  files_.AddReportOptions(app, "--html");
}

absl::StatusOr<v1::SavedRun> ReportCommand::Load() const {
  if (path_.empty() == compared_.empty()) {
    return absl::InvalidArgumentError(
        path_.empty() ? "nothing to report: give FILE, or --compare A.json B.json"
                      : "FILE and --compare exclude each other");
  }
  if (compared_.empty()) return ReadSavedRun(path_);
  TF_ASSIGN_OR_RETURN(const v1::SavedRun a, ReadSavedRun(compared_[0]));
  TF_ASSIGN_OR_RETURN(const v1::SavedRun b, ReadSavedRun(compared_[1]));
  absl::StatusOr<v1::CampaignReport> compared = CompareSaved(a, b);
  if (!compared.ok()) return base::WithContext("--compare", compared.status());
  v1::SavedRun saved;
  *saved.mutable_campaign() = *std::move(compared);
  return saved;
}

absl::StatusOr<ExitCode> ReportCommand::Run(CommandContext& context) {
  TF_ASSIGN_OR_RETURN(const v1::SavedRun saved, Load());
  if (!path_.empty() && files_.html.empty() && files_.junit.empty() && files_.csv.empty()) {
    const size_t stem = absl::EndsWith(path_, ".json") ? path_.size() - 5 : path_.size();
    files_.html = absl::StrCat(path_.substr(0, stem), ".html");
  }
  TF_RETURN_IF_ERROR(PrintSaved(saved, context));
  const absl::Status written = WriteReports(saved, files_, context);
  if (written.ok()) return kOk;
  return absl::UnavailableError(written.message());  // what could be done is printed
}

}  // namespace

std::unique_ptr<Command> MakeReportCommand() { return std::make_unique<ReportCommand>(); }

}  // namespace tcpfleet::controller
