#include "controller/commands/rerun.h"

#include <CLI/CLI.hpp>
#include <string>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "controller/campaign/given_options.h"
#include "controller/campaign/saved_run.h"
#include "controller/commands/stress_run.h"

namespace tcpfleet::controller {
namespace {

class RerunCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override;
  absl::StatusOr<ExitCode> Run(CommandContext& context) override;

 private:
  std::string path_;
  KeptFiles files_;
};

void RerunCommand::AddOptions(CLI::App& app) {
  app.add_option("FILE", path_, "what `stress --save` wrote")->type_name("")->required();
  files_.AddSaveOption(app);
  files_.AddReportOptions(app, "--report");
}

absl::StatusOr<ExitCode> RerunCommand::Run(CommandContext& context) {
  TF_ASSIGN_OR_RETURN(const v1::SavedRun before, ReadSavedRun(path_));
  if (before.options().empty()) {
    return absl::InvalidArgumentError(
        path_ + ": tells no options: give a file that 'tcpfleet stress --save' wrote");
  }
  const absl::StatusOr<GivenOptions> options = GivenOptions::FromSaved(before.options());
  if (!options.ok()) return base::WithContext(path_, options.status());
  return RunStress(*options, files_, &before, context);
}

}  // namespace

std::unique_ptr<Command> MakeRerunCommand() { return std::make_unique<RerunCommand>(); }

}  // namespace tcpfleet::controller
