#include "controller/campaign/run_log.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/time/time.h>

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/units.h"
#include "controller/stress/session.h"

namespace tcpfleet::controller {

StressArguments ArgumentsOf(const Trial& trial) {
  StressArguments arguments = trial.options.ToArguments();
  if (trial.rate.has_value()) arguments.rate = absl::StrFormat("%.10g", *trial.rate);
  const absl::StatusOr<absl::Duration> duration = base::ParseDuration(arguments.duration);
  if (trial.duration_divisor > 1 && duration.ok() && *duration > absl::Seconds(1)) {
    arguments.duration =
        absl::FormatDuration(std::max(*duration / trial.duration_divisor, absl::Seconds(1)));
  }
  return arguments;
}

bool Counts(const v1::CampaignRun& run) {
  return run.report().verdict() == "PASS" || run.report().verdict() == "FAIL";
}

v1::CampaignRun* RunLog::Make(const Trial& trial) {
  for (int attempt = 1; !ended_; ++attempt) {
    const absl::StatusOr<v1::CampaignRun*> made = MakeOnce(trial);
    if (!made.ok()) {
      not_made_ = made.status();
      ended_ = true;
      break;
    }
    v1::CampaignRun& run = **made;
    if (Counts(run)) return &run;
    run.set_note(absl::StrCat("does not count: ", run.report().verdict_reason()));
    const bool may_be_chance =
        run.report().verdict() == "INVALID" && run.report().total().attempted() > 0;
    if (!may_be_chance || attempt == 2) End(run.report(), last_exit_code_);
  }
  return nullptr;
}

absl::StatusOr<v1::CampaignRun*> RunLog::MakeOnce(const Trial& trial) {
  TF_ASSIGN_OR_RETURN(TrialResult made, runner_(trial));
  last_exit_code_ = made.exit_code;
  v1::CampaignRun& run = *result_.report.add_runs();
  run.set_label(trial.label);
  run.set_pair(trial.pair);
  if (trial.rate.has_value()) run.set_requested_rate_per_second(*trial.rate);
  *run.mutable_report() = std::move(made.report);
  kept_results_ += static_cast<size_t>(run.report().agents_size() + run.report().paths_size());
  if (kept_results_ > kMostKeptResults) {
    run.mutable_report()->clear_agents();
    run.mutable_report()->clear_paths();
  }
  return &run;
}

void RunLog::End(const v1::StressReport& report, ExitCode exit_code) {
  ended_ = true;
  result_.report.set_verdict(report.verdict());
  result_.report.set_verdict_reason(
      absl::StrCat("ended by run ", runs(), ": ", report.verdict_reason()));
  result_.exit_code = exit_code;
}

std::vector<const v1::StressReport*> RunLog::Counting(absl::string_view label) const {
  std::vector<const v1::StressReport*> counting;
  for (const v1::CampaignRun& run : result_.report.runs()) {
    if (run.label() == label && Counts(run)) counting.push_back(&run.report());
  }
  return counting;
}

absl::StatusOr<CampaignResult> RunLog::Conclude(std::string verdict, std::string reason,
                                                ExitCode exit_code) {
  if (!not_made_.ok()) {
    if (runs() == 0) return not_made_;
    result_.report.set_verdict("PARTIAL");
    result_.report.set_verdict_reason(
        absl::StrCat("ended after ", runs(), " runs: ", not_made_.message()));
    result_.exit_code = absl::IsCancelled(not_made_) ? kAborted : kPartial;
  } else if (!ended_) {
    result_.report.set_verdict(std::move(verdict));
    result_.report.set_verdict_reason(std::move(reason));
    result_.exit_code = exit_code;
  }
  return std::move(result_);
}

absl::StatusOr<CampaignResult> RunLog::ConcludeByRuns(std::string reason) {
  int failed = 0;
  std::string first;
  for (const v1::CampaignRun& run : result_.report.runs()) {
    if (run.report().verdict() != "FAIL") continue;
    if (failed++ == 0) first = run.report().verdict_reason();
  }
  if (failed == 0) return Conclude("PASS", std::move(reason), kOk);
  return Conclude("FAIL", absl::StrCat(failed, " of ", runs(), " runs failed: ", first),
                  kCheckFailed);
}

}  // namespace tcpfleet::controller
