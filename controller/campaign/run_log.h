// The runs of a campaign as they are made, and when it must end.
//
// Only runs that PASS or FAIL count. One that is INVALID is made again once; every other trouble
// ends the campaign: a missing agent would miss in all that follow.
//
// Threads: one caller.
// Bounds:  kMostKeptResults results of single agents (session.h) in all; later runs are kept
//          without them. How many runs are made is its user's to bound.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "controller/campaign/given_options.h"
#include "controller/cli/exit_code.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

struct CampaignResult {
  v1::CampaignReport report;
  ExitCode exit_code = kOk;
};

// A run to be made.
struct Trial {
  GivenOptions options;
  std::string label;  // as CampaignRun.label
  uint32_t pair = 0;
  std::optional<double> rate;  // instead of the option's
  int duration_divisor = 1;    // of the options' duration; not below 1 s
};

StressArguments ArgumentsOf(const Trial& trial);

struct TrialResult {
  v1::StressReport report;
  ExitCode exit_code = kOk;
};

using TrialRunner = std::function<absl::StatusOr<TrialResult>(const Trial& trial)>;
// Every run once it is judged.
using RunListener = std::function<void(const v1::CampaignRun& run)>;

class RunLog {
 public:
  RunLog(std::string kind, TrialRunner runner) : runner_(std::move(runner)) {
    result_.report.set_kind(std::move(kind));
  }

  // The run, appended to the report; null when the campaign has to end. Valid until the next one.
  v1::CampaignRun* Make(const Trial& trial);

  v1::CampaignReport& report() { return result_.report; }
  int runs() const { return result_.report.runs_size(); }
  // Runs of this label that count.
  std::vector<const v1::StressReport*> Counting(absl::string_view label) const;

  // Sets the verdict, unless the campaign had to end: then why. The status of a first run that
  // could not be made at all.
  absl::StatusOr<CampaignResult> Conclude(std::string verdict, std::string reason,
                                          ExitCode exit_code);
  // The same for campaigns whose runs should all pass.
  absl::StatusOr<CampaignResult> ConcludeByRuns(std::string reason);

 private:
  absl::StatusOr<v1::CampaignRun*> MakeOnce(const Trial& trial);
  void End(const v1::StressReport& report, ExitCode exit_code);

  const TrialRunner runner_;
  CampaignResult result_;
  absl::Status not_made_;
  bool ended_ = false;
  size_t kept_results_ = 0;
  ExitCode last_exit_code_ = kOk;
};

bool Counts(const v1::CampaignRun& run);

}  // namespace tcpfleet::controller
