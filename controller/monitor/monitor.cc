#include "controller/monitor/monitor.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/version.h"
#include "controller/monitor/time_proto.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kMostPortUses = 20;

double ShareOf(const v1::PortUse& use) {
  return use.usable() == 0 ? 0 : static_cast<double>(use.used()) / use.usable();
}

void AddPortUse(const v1::KernelSnapshot& snapshot, v1::MonitoredHost& host) {
  std::vector<v1::PortUse> uses;
  for (const v1::NamespaceStatistics& statistics : snapshot.namespaces()) {
    for (const v1::PortUse& use : statistics.sockets().port_use()) uses.push_back(use);
  }
  std::stable_sort(uses.begin(), uses.end(), [](const v1::PortUse& a, const v1::PortUse& b) {
    return ShareOf(a) > ShareOf(b);
  });
  if (uses.size() > kMostPortUses) uses.resize(kMostPortUses);
  host.mutable_port_use()->Assign(uses.begin(), uses.end());
}

bool MayHave(const v1::KernelSnapshot& snapshot, const std::string& network_namespace) {
  const bool is_listed = std::any_of(
      snapshot.namespaces().begin(), snapshot.namespaces().end(),
      [&](const v1::NamespaceStatistics& one) { return NamespaceName(one) == network_namespace; });
  // Which name the ones have that could not be read is not said.
  return is_listed || std::any_of(snapshot.missing().begin(), snapshot.missing().end(),
                                  [](const v1::MissingSource& missing) {
                                    return missing.source() == "network namespace";
                                  });
}

// Why a number that has a threshold is not known, or that without which nearly nothing can be
// judged; empty when all are.
std::string FirstUnknown(absl::Span<const RuleJudgement> judgements,
                         absl::Span<const SeriesReading> readings) {
  for (const RuleJudgement& judgement : judgements) {
    if (!judgement.unknown.empty()) return judgement.rule + ": " + judgement.unknown;
  }
  for (const SeriesReading& reading : readings) {
    if (reading.series->name == "connections" && !reading.unknown.empty()) return reading.unknown;
  }
  return "";
}

}  // namespace

Monitor::Monitor(const MonitorConfig& config, absl::Duration window, const base::Clock& clock)
    : config_(config),
      engine_({.timing = [this](const std::string& rule) { return config_.TimingOf(rule); },
               .notify_interval = config.notify_interval,
               .repeat_interval = config.repeat_interval},
              clock),
      store_(window, config.interval),
      started_(engine_.Now()) {}

std::vector<v1::AlertNotification> Monitor::Add(MonitorRound round) {
  std::vector<RuleJudgement> judgements = Read(round);
  std::vector<RuleJudgement> of_rules =
      JudgementsOf(round.diagnosis, round.clearing ? &*round.clearing : nullptr);
  std::move(of_rules.begin(), of_rules.end(), std::back_inserter(judgements));
  JudgeUnwatched(judgements);
  failures_ = std::move(round.failures);
  diagnosis_ = std::move(round.diagnosis);
  return engine_.Evaluate(judgements, failures_);
}

std::vector<RuleJudgement> Monitor::Read(MonitorRound& round) {
  std::map<std::string, std::string> failed;
  for (const v1::AgentFailure& failure : round.failures) failed[failure.name()] = failure.cause();
  std::vector<RuleJudgement> judgements;
  for (MonitoredAnswer& answer : round.hosts) {
    Host& host = hosts_[answer.name];
    host.address = answer.address;
    host.is_silent = !answer.snapshot;
    if (!answer.snapshot) {
      const auto failure = failed.find(answer.name);
      host.unknown = failure == failed.end() ? "it did not answer" : failure->second;
      store_.RecordFailure(answer.name, host.unknown);
      JudgeAnswer(answer.name, host.unknown, judgements);
      continue;
    }
    JudgeAnswer(answer.name, "", judgements);
    const std::vector<SeriesReading> readings =
        ReadSeries(host.last ? &*host.last : nullptr, *answer.snapshot);
    host.last = std::move(answer.snapshot);
    host.last_seen = engine_.Now();
    store_.Record(answer.name, host.last_seen, readings);
    std::vector<RuleJudgement> own = JudgeSeries(answer.name, readings, config_.series);
    host.unknown = FirstUnknown(own, readings);
    std::move(own.begin(), own.end(), std::back_inserter(judgements));
  }
  return judgements;
}

void Monitor::JudgeAnswer(const std::string& host, const std::string& silent,
                          std::vector<RuleJudgement>& judgements) const {
  if (config_.rules_off.contains(std::string(kAgentSilent))) return;
  RuleJudgement& judgement = judgements.emplace_back();
  judgement.host = host;
  judgement.rule = std::string(kAgentSilent);
  if (silent.empty()) return;
  Symptom& symptom = judgement.symptoms.emplace_back();
  symptom.level = symptom.held = AlertLevel::kWarn;
  symptom.title = absl::StrCat("the agent does not answer: ", silent);
}

bool Monitor::IsWatched(const v1::Alert& alert) const {
  const auto host = hosts_.find(alert.host());
  if (host == hosts_.end() || config_.rules_off.contains(alert.rule())) return false;
  const SeriesDefinition* const series = FindSeriesDefinition(alert.rule());
  const bool has_threshold =
      std::any_of(config_.series.begin(), config_.series.end(),
                  [&](const SeriesThreshold& threshold) { return threshold.series == series; });
  if (series != nullptr && !has_threshold) return false;
  return alert.network_namespace().empty() || host->second.is_silent ||
         MayHave(*host->second.last, alert.network_namespace());
}

void Monitor::JudgeUnwatched(std::vector<RuleJudgement>& judgements) const {
  for (const v1::Alert& alert : engine_.alerts()) {
    if (alert.state() == "resolved" || IsWatched(alert)) continue;
    RuleJudgement& fine = judgements.emplace_back();
    fine.host = alert.host();
    fine.network_namespace = alert.network_namespace();
    fine.rule = alert.rule();
  }
}

v1::MonitoredHost Monitor::ReportHost(const std::string& name, const Host& host,
                                      absl::Span<const v1::Alert> alerts) const {
  v1::MonitoredHost report;
  report.set_name(name);
  report.set_address(host.address);
  AlertLevel worst = AlertLevel::kNone;
  for (const v1::Alert& alert : alerts) {
    if (alert.host() != name || alert.state() != "firing") continue;
    if (alert.rule() == std::string(kAgentSilent)) continue;  // says nothing about the host
    worst = std::max(worst, ParseAlertLevel(alert.severity()).value_or(AlertLevel::kNone));
  }
  report.set_why(host.unknown);
  report.set_health(worst != AlertLevel::kNone ? std::string(AlertLevelName(worst))
                    : host.unknown.empty()     ? "ok"
                                               : "unknown");
  for (v1::SeriesSummary& summary : store_.Summaries(name)) {
    *report.add_series() = std::move(summary);
  }
  if (!host.last) return report;
  AddPortUse(*host.last, report);
  *report.mutable_last_seen() = ToTimestamp(host.last_seen);
  return report;
}

v1::MonitorReport Monitor::Report() const {
  v1::MonitorReport report;
  *report.mutable_started_at() = ToTimestamp(started_);
  *report.mutable_ended_at() = ToTimestamp(engine_.Now());
  report.set_controller_version(std::string(base::Version()));
  report.set_interval_seconds(absl::ToDoubleSeconds(config_.interval));
  std::vector<v1::Alert> alerts = engine_.alerts();
  for (const auto& [name, host] : hosts_) *report.add_hosts() = ReportHost(name, host, alerts);
  report.mutable_alerts()->Assign(alerts.begin(), alerts.end());
  report.set_alerts_dropped(engine_.dropped());
  report.mutable_failures()->Assign(failures_.begin(), failures_.end());
  *report.mutable_diagnosis() = diagnosis_;
  return report;
}

}  // namespace tcpfleet::controller
