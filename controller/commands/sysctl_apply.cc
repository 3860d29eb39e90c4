#include "controller/commands/sysctl_apply.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "controller/cli/option_types.h"
#include "controller/cli/printer.h"
#include "controller/cli/text.h"
#include "controller/commands/failures.h"
#include "controller/rollout/author.h"
#include "controller/rollout/plan_file.h"
#include "controller/rollout/plan_text.h"
#include "controller/rollout/rollout.h"
#include "controller/rollout/rollout_file.h"
#include "controller/rollout/rollout_text.h"
#include "controller/rollout/waves.h"

namespace tcpfleet::controller {
namespace {

constexpr uint64_t kMostHosts = kMostAgents;
constexpr absl::Duration kLongestConfirm = absl::Hours(1);

absl::Status PrintAs(const v1::RolloutReport& report, CommandContext& context) {
  switch (context.options.output) {
    case OutputFormat::kTable:
      PrintRollout(context.out, report, context.out_color);
      return absl::OkStatus();
    case OutputFormat::kJson:
      return WriteJson(context.out, report);
    case OutputFormat::kJsonl:
      for (const v1::RolloutWave& wave : report.waves()) {
        TF_RETURN_IF_ERROR(WriteJsonl(context.out, wave));
      }
      return absl::OkStatus();
    case OutputFormat::kCsv:
      WriteCsv(context.out, RolloutCsvHeader(), RolloutCsvRows(report));
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

// One line per wave on a terminal, drawn again while the wave goes on.
std::function<void(const v1::RolloutReport&, size_t)> Progress(CommandContext& context) {
  if (!context.err_is_terminal) return {};
  return [&context](const v1::RolloutReport& report, size_t wave) {
    const std::string& state = report.waves(static_cast<int>(wave)).state();
    const bool goes_on = state == wave_state::kApplying || state == wave_state::kSoaking;
    const std::string line = Shortened(WaveLine(report, wave), context.terminal_columns - 1);
    context.err << "\r" << Printable(line) << "\x1b[K" << (goes_on ? "" : "\n") << std::flush;
  };
}

// What waits for a person can be confirmed by whoever knows the plan.
std::string HolderFor(const v1::SysctlPlan& plan, const v1::RolloutSettings& settings) {
  return settings.manual_confirm() ? plan.id() : NewHolder();
}

class SysctlApplyCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.add_option("FILE", file_, "a plan of 'tcpfleet sysctl plan --save'")->required();
    app.add_flag("--yes", yes_,
                 "write; without it hosts are only asked whether they would take the change");
    app.add_flag("--resume", resume_,
                 "go on with a rollout that was broken off, as FILE.rollout says it was begun");
    settings_options_ = {
        AddCount(app, "--canary", canary_, 0, kMostHosts, "hosts of the first wave [1]"),
        app.add_option(
               "--batches", batches_,
               "shares of all hosts, or numbers of them, up to which each further wave goes "
               "[10%,50%,100%]")
            ->type_name("SHARE,..."),
        AddCount(app, "--max-fail", max_fail_, 0, kMostHosts,
                 "hosts that may fail before the rollout stops [0]"),
        AddDuration(
            app, "--soak", soak_, absl::ZeroDuration(), kLongestConfirm,
            "how long each wave is watched before it is confirmed, and the fleet before the "
            "first; 0 watches nothing [30s]"),
        AddDuration(app, "--confirm-within", confirm_within_, absl::Seconds(1), kLongestConfirm,
                    "when hosts take a change back that nobody confirms [120s]"),
        app.add_flag("--manual-confirm", manual_confirm_,
                     "stop after each wave and leave it to 'tcpfleet sysctl confirm'"),
        app.add_flag("--keep-failed-wave", keep_failed_wave_,
                     "confirm also a wave that failed, then stop"),
    };
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    TF_ASSIGN_OR_RETURN(const v1::SysctlPlan plan, ReadSysctlPlan(file_));
    TF_ASSIGN_OR_RETURN(const v1::RolloutSettings settings, Settings(context));
    TF_RETURN_IF_ERROR(CheckPlanAge(plan, context.clock.Now()));
    TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
    TF_RETURN_IF_ERROR(CheckFleetHasHosts(plan, *fleet));
    if (!yes_) {
      TF_ASSIGN_OR_RETURN(v1::RolloutReport report,
                          NewRollout(plan, settings, HolderFor(plan, settings)));
      return Try(*fleet, report, context);
    }
    TF_ASSIGN_OR_RETURN(const RolloutFile file, RolloutFile::Hold(file_));
    TF_ASSIGN_OR_RETURN(std::optional<v1::RolloutReport> report, Begin(plan, settings, file));
    // Those of an earlier controller come from a file.
    TF_RETURN_IF_ERROR(CheckSettings(report->settings(), context.options.timeout));
    return RollOut(*fleet, file, *report, context);
  }

 private:
  absl::StatusOr<ExitCode> Try(Fleet& fleet, v1::RolloutReport& report, CommandContext& context) {
    RolloutWorld world{fleet, context.clock, context.interrupt->token(), {}, {}};
    const ExitCode code = TryRollout(world, report);
    if (context.options.output == OutputFormat::kTable) {
      PrintPlan(context.out, report.plan(), context.out_color);
      context.out << "\n";
    }
    TF_RETURN_IF_ERROR(PrintAs(report, context));
    ConcludeFanOut(context, static_cast<size_t>(report.plan().hosts_size()), report.failures());
    context.err << "nothing was written: add --yes to roll it out\n";
    return context.interrupt->requested() ? kAborted : code;
  }

  absl::StatusOr<ExitCode> RollOut(Fleet& fleet, const RolloutFile& file, v1::RolloutReport& report,
                                   CommandContext& context) {
    RolloutWorld world{fleet, context.clock, context.interrupt->token(),
                       [&](const v1::RolloutReport& now) { return file.Write(now); },
                       Progress(context)};
    if (resume_) {
      TF_RETURN_IF_ERROR(ResumeRollout(world, report));
    }
    const ExitCode code = RunRollout(world, report);
    TF_RETURN_IF_ERROR(PrintAs(report, context));
    ConcludeFanOut(context, static_cast<size_t>(report.plan().hosts_size()), report.failures());
    return code;
  }

  // The report to go on from, or a new one.
  absl::StatusOr<std::optional<v1::RolloutReport>> Begin(const v1::SysctlPlan& plan,
                                                         const v1::RolloutSettings& settings,
                                                         const RolloutFile& file) const {
    TF_ASSIGN_OR_RETURN(std::optional<v1::RolloutReport> earlier, file.Read(plan));
    if (resume_ && !earlier) {
      return absl::FailedPreconditionError(
          absl::StrCat("--resume: there is no ", file.path(), ": no rollout was begun here"));
    }
    if (resume_) return earlier;
    if (earlier && (earlier->state() == rollout_state::kRunning ||
                    earlier->state() == rollout_state::kInterrupted)) {
      return absl::FailedPreconditionError(
          absl::StrCat(file.path(),
                       ": a rollout of this plan was begun and broken off: --resume "
                       "goes on with it"));
    }
    TF_ASSIGN_OR_RETURN(v1::RolloutReport report,
                        NewRollout(plan, settings, HolderFor(plan, settings)));
    return std::optional<v1::RolloutReport>(std::move(report));
  }

  absl::StatusOr<v1::RolloutSettings> Settings(const CommandContext& context) const {
    if (resume_) {
      if (!yes_) return absl::InvalidArgumentError("--resume writes: it needs --yes");
      for (const CLI::Option* option : settings_options_) {
        if (option->count() == 0) continue;
        return absl::InvalidArgumentError(
            absl::StrCat(option->get_name(), " cannot be changed by --resume: leave it away"));
      }
    }
    v1::RolloutSettings settings;
    settings.set_canary(static_cast<uint32_t>(canary_));
    for (const absl::string_view batch : absl::StrSplit(batches_, ',')) {
      settings.add_batches(std::string(batch));
    }
    settings.set_max_fail(static_cast<uint32_t>(max_fail_));
    settings.set_soak_seconds(absl::ToDoubleSeconds(soak_));
    settings.set_confirm_within_seconds(absl::ToDoubleSeconds(confirm_within_));
    settings.set_manual_confirm(manual_confirm_);
    settings.set_keep_failed_wave(keep_failed_wave_);
    TF_RETURN_IF_ERROR(CheckSettings(settings, context.options.timeout));
    return settings;
  }

  std::string file_;
  bool yes_ = false;
  bool resume_ = false;
  uint64_t canary_ = 1;
  std::string batches_ = "10%,50%,100%";
  uint64_t max_fail_ = 0;
  absl::Duration soak_ = absl::Seconds(30);
  absl::Duration confirm_within_ = absl::Seconds(120);
  bool manual_confirm_ = false;
  bool keep_failed_wave_ = false;
  std::vector<const CLI::Option*> settings_options_;  // what a rollout keeps from its beginning
};

}  // namespace

std::unique_ptr<Command> MakeSysctlApplyCommand() { return std::make_unique<SysctlApplyCommand>(); }

}  // namespace tcpfleet::controller
