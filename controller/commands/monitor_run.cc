#include "controller/commands/monitor_run.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "common/sys/terminal.h"
#include "controller/cli/printer.h"
#include "controller/cli/text.h"
#include "controller/diagnose/collect.h"
#include "controller/diagnose/judge.h"
#include "controller/monitor/state_file.h"

namespace tcpfleet::controller {
namespace {

// Of evidence that rules judge by.
constexpr absl::Duration kShortestWindow = absl::Seconds(10);

void SetNumbers(const RuleNumbers& numbers, RuleSelection& selection) {
  for (const auto& [rule, values] : numbers) {
    const auto settings = selection.settings.find(rule);
    if (settings == selection.settings.end()) continue;  // it is off
    for (const auto& [name, value] : values) settings->second.Set(name, value);
  }
}

RuleSelection SelectionOf(const MonitorConfig& config) {
  RuleSelection selection = DefaultRules();
  for (const std::string& rule : config.rules_off) {
    auto& rules = selection.rules;
    rules.erase(std::remove(rules.begin(), rules.end(), FindRule(rule)), rules.end());
    selection.settings.erase(rule);
  }
  SetNumbers(config.rules, selection);
  return selection;
}

RuleSelection ClearingOf(const MonitorConfig& config, RuleSelection selection) {
  SetNumbers(config.clear, selection);
  return selection;
}

}  // namespace

MonitorRun::MonitorRun(const Options& options, Notifier notifier, std::unique_ptr<Fleet> fleet,
                       CommandContext& context)
    : options_(options),
      context_(context),
      agents_(fleet->size()),
      selection_(SelectionOf(options.config)),
      clearing_(ClearingOf(options.config, selection_)),
      evidence_(std::move(fleet), selection_,
                {.interval = options.config.interval,
                 .window = std::max(kShortestWindow, (kLeastSamples - 1) * options.config.interval),
                 .all_namespaces = options.all_namespaces},
                context.clock),
      monitor_(options.config, options.chart, context.clock),
      notifier_(std::move(notifier)),
      block_(context.out) {}

absl::Status MonitorRun::Restore() {
  if (options_.state_path.empty()) return absl::OkStatus();
  const absl::StatusOr<v1::MonitorState> state = ReadStateFile(options_.state_path);
  if (absl::IsNotFound(state.status())) return absl::OkStatus();
  TF_RETURN_IF_ERROR(state.status());
  return monitor_.Restore(*state);
}

absl::Status MonitorRun::Watch(absl::Duration length) {
  return EachInterval(length, [&](int64_t) -> absl::Status {
    const v1::EvidenceBundle* const bundle = Sample();
    return bundle == nullptr ? absl::OkStatus() : Take(*bundle, true);
  });
}

absl::Status MonitorRun::LookOnce() {
  const absl::Duration length = (kLeastSamples - 1) * options_.config.interval;
  const int64_t length_ns = absl::ToInt64Nanoseconds(length);
  return EachInterval(length, [&](int64_t at_ns) -> absl::Status {
    const v1::EvidenceBundle* const bundle = Sample();
    const bool is_last = at_ns == length_ns;
    // Rates need the first of them; those in between are evidence only.
    if (bundle == nullptr || (at_ns > 0 && !is_last)) return absl::OkStatus();
    return Take(*bundle, is_last);
  });
}

absl::StatusOr<v1::MonitorReport> MonitorRun::Conclude() {
  const v1::MonitorReport report = Report();
  if (context_.options.output == OutputFormat::kJson) {
    TF_RETURN_IF_ERROR(WriteJson(context_.out, report));
  } else if (context_.options.output == OutputFormat::kTable && !context_.out_is_terminal) {
    for (const std::string& line : DashboardLines(report, traffic_, {})) {
      context_.out << line << '\n';
    }
  }
  TF_RETURN_IF_ERROR(Keep(report));
  return report;
}

absl::Status MonitorRun::EachInterval(absl::Duration length,
                                      const std::function<absl::Status(int64_t at_ns)>& round) {
  const int64_t begin_ns = context_.clock.MonotonicNs();
  const int64_t length_ns = absl::ToInt64Nanoseconds(length);
  const int64_t every_ns = absl::ToInt64Nanoseconds(options_.config.interval);
  for (int64_t at_ns = 0; at_ns <= length_ns; at_ns += every_ns) {
    // Rounds that are slower than the interval leave some out, never the last.
    if (begin_ns + at_ns < context_.clock.MonotonicNs() && at_ns > 0 &&
        at_ns + every_ns <= length_ns) {
      continue;
    }
    if (!context_.clock.SleepUntil(begin_ns + at_ns, context_.interrupt->token())) break;
    TF_RETURN_IF_ERROR(round(at_ns));
  }
  return absl::OkStatus();
}

const v1::EvidenceBundle* MonitorRun::Sample() {
  const v1::EvidenceBundle& bundle = evidence_.Sample(context_.interrupt->token());
  return context_.interrupt->requested() ? nullptr : &bundle;
}

absl::Status MonitorRun::Take(const v1::EvidenceBundle& bundle, bool is_judged) {
  MonitorRound round;
  traffic_ = {};
  for (const v1::HostEvidence& host : bundle.hosts()) {
    traffic_.Add(*host.snapshots().rbegin());
    round.hosts.push_back({host.name(), host.address(), *host.snapshots().rbegin()});
  }
  for (const v1::AgentFailure& failure : bundle.failures()) {
    round.hosts.push_back({failure.name(), failure.address(), std::nullopt});
    round.failures.push_back(failure);
  }
  if (is_judged) {
    round.diagnosis = Diagnose(bundle, selection_);
    if (!options_.config.clear.empty()) round.clearing = Diagnose(bundle, clearing_);
  }
  const std::vector<v1::AlertNotification> notifications = monitor_.Add(std::move(round));
  notifier_.Tell(notifications, monitor_.told());
  TF_RETURN_IF_ERROR(Show(notifications));
  return KeepMeanwhile();
}

absl::Status MonitorRun::Show(absl::Span<const v1::AlertNotification> notifications) {
  switch (context_.options.output) {
    case OutputFormat::kTable:
      if (context_.out_is_terminal) {
        Redraw();
        break;
      }
      for (const v1::AlertNotification& notification : notifications) {
        context_.out << NotificationLine(notification) << '\n';
      }
      break;
    case OutputFormat::kJsonl:
      for (const v1::AlertNotification& notification : notifications) {
        TF_RETURN_IF_ERROR(WriteJsonl(context_.out, notification));
      }
      break;
    case OutputFormat::kJson:
    case OutputFormat::kCsv:
      break;
  }
  context_.out.flush();
  return absl::OkStatus();
}

void MonitorRun::Redraw() {
  DashboardSize size{
      .columns = context_.terminal_columns, .lines = 24, .color = context_.out_color};
  if (const int columns = sys::TerminalColumns(STDOUT_FILENO); columns > 0) {
    size.columns = columns;
  }
  if (const int lines = sys::TerminalLines(STDOUT_FILENO); lines > 0) size.lines = lines;
  const int columns = std::max(size.columns, 2);
  // The last column stays free: some terminals wrap as soon as it is written. The last line is
  // the cursor's.
  size.columns = columns - 1;
  size.lines = std::max(size.lines - 1, 1);
  block_.Draw(DashboardLines(Report(), traffic_, size), columns);
}

v1::MonitorReport MonitorRun::Report() const {
  v1::MonitorReport report = monitor_.Report();
  const std::vector<v1::SinkStatus> sinks = notifier_.statuses();
  report.mutable_sinks()->Assign(sinks.begin(), sinks.end());
  return report;
}

// A file that cannot be written ends a monitor that has just begun, and no other.
absl::Status MonitorRun::KeepMeanwhile() {
  const bool is_first = !std::exchange(has_kept_, true);
  const absl::Status status = is_first ? Keep(Report()) : KeepState();
  if (is_first || status.ok()) return status;
  context_.err << "tcpfleet: " << Printable(status.message()) << std::endl;
  return absl::OkStatus();
}

absl::Status MonitorRun::KeepState() const {
  return options_.state_path.empty() ? absl::OkStatus()
                                     : WriteStateFile(options_.state_path, monitor_.Save());
}

absl::Status MonitorRun::Keep(const v1::MonitorReport& report) const {
  TF_RETURN_IF_ERROR(KeepState());
  if (options_.report_path.empty()) return absl::OkStatus();
  std::ostringstream json;
  TF_RETURN_IF_ERROR(WriteJson(json, report));
  return sys::ReplaceFile(options_.report_path, json.str());
}

}  // namespace tcpfleet::controller
