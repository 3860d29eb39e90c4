// What `stress` and `rerun` have in common: one run or a campaign on the fleet, printed and kept.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "controller/campaign/given_options.h"
#include "controller/cli/command_context.h"
#include "controller/cli/exit_code.h"

namespace CLI {
class App;
}

namespace tcpfleet::controller {

// Files a run is kept in; empty: not.
struct KeptFiles {
  std::string save;
  std::string html;
  std::string junit;
  std::string csv;

  // --junit, --csv and the page as `html_option`.
  void AddReportOptions(CLI::App& app, const std::string& html_option);
  void AddSaveOption(CLI::App& app);
};

absl::Status PrintSaved(const v1::SavedRun& saved, CommandContext& context);

// Of the files but `save`.
absl::Status WriteReports(const v1::SavedRun& saved, const KeptFiles& files,
                          CommandContext& context);

// Also with `before`, an earlier run whose hosts are compared with those of now; may be null. A
// file that could not be written makes it kPartial at least.
absl::StatusOr<ExitCode> RunStress(const GivenOptions& given, const KeptFiles& files,
                                   const v1::SavedRun* before, CommandContext& context);

}  // namespace tcpfleet::controller
