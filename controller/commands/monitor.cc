#include "controller/commands/monitor.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "controller/cli/option_types.h"
#include "controller/commands/failures.h"
#include "controller/commands/monitor_run.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::Duration kShortest = absl::Seconds(1);
constexpr absl::Duration kLongestEvery = absl::Hours(24);
constexpr absl::Duration kLongestFor = absl::Hours(24 * 365);
constexpr absl::Duration kDefaultChart = absl::Hours(1);
constexpr absl::Duration kOnceEvery = absl::Milliseconds(2'500);

KnownRules RulesOfConfigurations() {
  KnownRules known = {{std::string(kAgentSilent), {}}};
  for (const DiagnosisRule& rule : AllRules()) {
    std::vector<std::string>& parameters = known[std::string(rule.id)];
    for (const RuleParameter& parameter : rule.parameters) parameters.emplace_back(parameter.name);
  }
  return known;
}

bool FiresAtWarn(const v1::MonitorReport& report) {
  return std::any_of(report.alerts().begin(), report.alerts().end(), [](const v1::Alert& alert) {
    return alert.state() == "firing" && alert.severity() != "info";
  });
}

class MonitorCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.add_option("--config", config_,
                   "YAML file with thresholds, timing and sinks [what rules say, no sinks]")
        ->type_name("FILE");
    CLI::Option* const length = AddDuration(app, "--for", for_, kShortest, kLongestFor,
                                            "how long to watch [until interrupted]");
    every_option_ = AddDuration(app, "--every", every_, kShortest, kLongestEvery,
                                "time between two rounds [of the configuration, else 10s]");
    app.add_flag("--once", once_,
                 "look at five samples, judge them once, and exit with 1 when something is wrong")
        ->excludes(length);
    app.add_option("--report", report_, "write history, alerts and patterns as JSON at the end")
        ->type_name("FILE");
    app.add_option("--state", state_, "go on with the alerts of an earlier monitor, and keep them")
        ->type_name("FILE");
    app.add_flag("--all-namespaces", all_namespaces_, "also other network namespaces of the hosts");
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    if (context.options.output == OutputFormat::kCsv) {
      return absl::InvalidArgumentError("monitor has no csv: use --output json or jsonl");
    }
    TF_ASSIGN_OR_RETURN(const MonitorConfig config, Config());
    TF_ASSIGN_OR_RETURN(std::unique_ptr<Fleet> fleet, context.OpenFleet());
    TF_ASSIGN_OR_RETURN(Notifier notifier, Notifier::Open(config.sinks, context.clock));
    MonitorRun run({.config = config,
                    .chart = for_ > absl::ZeroDuration() ? for_ : kDefaultChart,
                    .all_namespaces = all_namespaces_,
                    .report_path = report_,
                    .state_path = state_},
                   std::move(notifier), std::move(fleet), context);
    TF_RETURN_IF_ERROR(run.Restore());
    TF_RETURN_IF_ERROR(
        once_ ? run.LookOnce()
              : run.Watch(for_ > absl::ZeroDuration() ? for_ : absl::InfiniteDuration()));
    TF_ASSIGN_OR_RETURN(const v1::MonitorReport report, run.Conclude());
    const bool has_for = once_ || for_ > absl::ZeroDuration();
    ExitCode code = ConcludeFanOut(context, run.agents(), report.failures());
    // Without an end of its own an interrupt is how it ends.
    if (code == kAborted && !has_for) code = report.failures().empty() ? kOk : kPartial;
    return once_ && code == kOk && FiresAtWarn(report) ? kCheckFailed : code;
  }

 private:
  absl::StatusOr<MonitorConfig> Config() const {
    MonitorConfig config;
    if (!config_.empty()) {
      TF_ASSIGN_OR_RETURN(config, LoadMonitorConfig(config_, RulesOfConfigurations()));
    }
    if (every_option_->count() > 0) {
      config.interval = every_;
    } else if (once_) {
      config.interval = kOnceEvery;
    }
    for (SinkOptions& sink : config.sinks) {
      if (auto* webhook = std::get_if<WebhookSinkOptions>(&sink.kind)) {
        webhook->resend_interval = std::max(webhook->resend_interval, config.interval);
      }
    }
    if (once_) {  // one look cannot tell for how long
      config.timing = {.hold = absl::ZeroDuration(), .clear = absl::ZeroDuration()};
      config.timings.clear();
    }
    return config;
  }

  std::string config_;
  absl::Duration for_ = absl::ZeroDuration();
  absl::Duration every_ = absl::ZeroDuration();
  CLI::Option* every_option_ = nullptr;
  bool once_ = false;
  std::string report_;
  std::string state_;
  bool all_namespaces_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeMonitorCommand() { return std::make_unique<MonitorCommand>(); }

}  // namespace tcpfleet::controller
