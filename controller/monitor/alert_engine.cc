#include "controller/monitor/alert_engine.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/monitor/saved_alerts.h"
#include "controller/monitor/time_proto.h"

namespace tcpfleet::controller {
namespace {

using google::protobuf::Timestamp;

bool IsFiring(const v1::Alert& alert) { return alert.state() == "firing"; }
bool IsPending(const v1::Alert& alert) { return alert.state() == "pending"; }

AlertLevel Level(const std::string& name) {
  return ParseAlertLevel(name).value_or(AlertLevel::kNone);
}
std::string Name(AlertLevel level) { return std::string(AlertLevelName(level)); }

AlertLevel Current(const v1::Alert& alert) {
  return IsFiring(alert) ? Level(alert.severity()) : AlertLevel::kNone;
}

void MoveOn(Timestamp& timestamp, absl::Duration by) {
  timestamp = ToTimestamp(ToTime(timestamp) + by);
}

// Time in which nothing was known is none that counts.
void MakeKnown(v1::Alert& alert, absl::Time now) {
  if (!alert.has_unknown_since()) return;
  const absl::Duration gap = now - ToTime(alert.unknown_since());
  if (IsPending(alert)) MoveOn(*alert.mutable_since(), gap);
  if (alert.has_lower_since()) MoveOn(*alert.mutable_lower_since(), gap);
  alert.clear_unknown_since();
  alert.clear_unknown_why();
}

void MakeUnknown(v1::Alert& alert, absl::Time now, const std::string& why) {
  if (!alert.has_unknown_since()) *alert.mutable_unknown_since() = ToTimestamp(now);
  alert.set_unknown_why(why);
}

void ClearLower(v1::Alert& alert) {
  alert.clear_lower_since();
  alert.clear_lower_severity();
}

void Describe(const Symptom& symptom, absl::Time now, v1::Alert& alert) {
  alert.set_title(symptom.title);
  alert.set_unit(symptom.unit);
  if (symptom.finding) *alert.mutable_finding() = *symptom.finding;
  if (symptom.threshold) alert.set_threshold(*symptom.threshold);
  if (symptom.clear_threshold) alert.set_clear_threshold(*symptom.clear_threshold);
  if (symptom.value) {
    alert.set_value(*symptom.value);
    alert.set_worst(alert.has_worst() ? std::max(alert.worst(), *symptom.value) : *symptom.value);
  }
  if (symptom.level == AlertLevel::kNone) return;
  alert.set_count(alert.count() + 1);
  *alert.mutable_last_seen() = ToTimestamp(now);
}

const char* EventName(AlertLevel before, AlertLevel now) {
  if (before == now) return "reminder";
  if (now == AlertLevel::kNone) return "resolved";
  if (before == AlertLevel::kNone) return "fired";
  return before < now ? "worse" : "better";
}

int StateRank(const v1::Alert& alert) { return IsFiring(alert) ? 0 : IsPending(alert) ? 1 : 2; }

}  // namespace

AlertEngine::AlertEngine(Options options, const base::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      started_(clock.Now()),
      started_ns_(clock.MonotonicNs()) {}

absl::Time AlertEngine::Now() const {
  return started_ + absl::Nanoseconds(clock_.MonotonicNs() - started_ns_);
}

std::vector<v1::AlertNotification> AlertEngine::Evaluate(
    absl::Span<const RuleJudgement> judgements, absl::Span<const v1::AgentFailure> failures) {
  const absl::Time now = Now();
  std::map<std::string, std::string> failed;
  for (const v1::AgentFailure& failure : failures) failed[failure.name()] = failure.cause();
  const Round round = Sort(judgements);
  AddNew(round);

  std::vector<v1::AlertNotification> notifications;
  for (auto it = alerts_.begin(); it != alerts_.end();) {
    v1::Alert& alert = it->second;
    const auto symptom = round.symptoms.find(it->first);
    const auto judged = round.unknown.find({alert.host(), alert.network_namespace(), alert.rule()});
    bool changed = false;
    if (symptom != round.symptoms.end()) {
      MakeKnown(alert, now);
      Describe(*symptom->second, now, alert);
      changed = Advance(alert, symptom->second->level,
                        std::max(symptom->second->level, symptom->second->held), now);
    } else if (judged != round.unknown.end() && judged->second.empty()) {
      MakeKnown(alert, now);
      changed = Advance(alert, AlertLevel::kNone, AlertLevel::kNone, now);
    } else {
      const auto failure = failed.find(alert.host());
      MakeUnknown(alert, now,
                  judged != round.unknown.end() ? judged->second
                  : failure != failed.end()     ? failure->second
                                                : "not judged");
    }
    if (!Tell(alert, now, notifications) && changed) alert.set_kept_back(alert.kept_back() + 1);
    if (!IsQuiet(alert, now)) {
      ++it;
      continue;
    }
    KeepResolved(std::move(alert));
    it = alerts_.erase(it);
  }
  return notifications;
}

AlertEngine::Round AlertEngine::Sort(absl::Span<const RuleJudgement> judgements) {
  Round round;
  for (const RuleJudgement& judgement : judgements) {
    std::string& unknown =
        round.unknown[{judgement.host, judgement.network_namespace, judgement.rule}];
    if (!judgement.unknown.empty()) unknown = judgement.unknown;
    for (const Symptom& symptom : judgement.symptoms) {
      const Symptom*& worst = round.symptoms[{judgement.host, judgement.network_namespace,
                                              judgement.rule, symptom.subject}];
      if (worst == nullptr || worst->level < symptom.level) worst = &symptom;
    }
  }
  return round;
}

void AlertEngine::AddNew(const Round& round) {
  not_taken_ = 0;
  for (const auto& [key, symptom] : round.symptoms) {
    if (symptom->level == AlertLevel::kNone || alerts_.count(key) > 0) continue;
    if (alerts_.size() == kMostAlerts) {
      ++not_taken_;
      continue;
    }
    v1::Alert& alert = alerts_[key];
    std::tie(*alert.mutable_host(), *alert.mutable_network_namespace(), *alert.mutable_rule(),
             *alert.mutable_subject()) = key;
    alert.set_state("resolved");
  }
}

bool AlertEngine::Advance(v1::Alert& alert, AlertLevel level, AlertLevel held, absl::Time now) {
  if (IsFiring(alert)) return AdvanceFiring(alert, level, held, now);
  if (level == AlertLevel::kNone) {
    if (IsPending(alert)) Change(alert, "resolved", now);
    return false;
  }
  const absl::Duration hold = options_.timing(alert.rule()).hold;
  alert.set_severity(Name(level));
  if (!IsPending(alert)) {
    *alert.mutable_since() = ToTimestamp(now);
    Change(alert, "pending", now);
  }
  if (now - ToTime(alert.since()) < hold) return false;
  *alert.mutable_fired_at() = ToTimestamp(now);
  alert.clear_resolved_at();
  alert.set_fired(alert.fired() + 1);
  Change(alert, "firing", now);
  return true;
}

bool AlertEngine::AdvanceFiring(v1::Alert& alert, AlertLevel level, AlertLevel held,
                                absl::Time now) {
  const AlertLevel current = Level(alert.severity());
  if (held >= current) ClearLower(alert);
  if (level > current) {
    alert.set_severity(Name(level));
    Change(alert, "firing", now);
    return true;
  }
  if (held >= current) return false;
  if (!alert.has_lower_since()) *alert.mutable_lower_since() = ToTimestamp(now);
  const AlertLevel lower = std::max(Level(alert.lower_severity()), held);
  alert.set_lower_severity(Name(lower));
  if (now - ToTime(alert.lower_since()) < options_.timing(alert.rule()).clear) return false;
  ClearLower(alert);
  if (lower != AlertLevel::kNone) {
    alert.set_severity(Name(lower));
    Change(alert, "firing", now);
  } else {
    *alert.mutable_resolved_at() = ToTimestamp(now);
    Change(alert, "resolved", now);
  }
  return true;
}

void AlertEngine::Change(v1::Alert& alert, const char* state, absl::Time now) {
  alert.set_state(state);
  if (alert.changes_size() == kMostAlertChanges) {
    alert.mutable_changes()->DeleteSubrange(0, 1);
    alert.set_changes_dropped(alert.changes_dropped() + 1);
  }
  v1::AlertChange& change = *alert.add_changes();
  *change.mutable_time() = ToTimestamp(now);
  change.set_state(state);
  change.set_severity(alert.severity());
  if (alert.has_value()) change.set_value(alert.value());
}

bool AlertEngine::Tell(v1::Alert& alert, absl::Time now,
                       std::vector<v1::AlertNotification>& notifications) const {
  const AlertLevel current = Current(alert);
  const AlertLevel told = Level(alert.notified_severity());
  const absl::Duration since_told =
      alert.has_notified_at() ? now - ToTime(alert.notified_at()) : absl::InfiniteDuration();
  if (current == told) {
    if (current == AlertLevel::kNone || since_told < options_.repeat_interval) return false;
  } else {
    const bool is_worse = current > Level(alert.worst_notified_severity());
    if (alert.has_unknown_since() || (since_told < options_.notify_interval && !is_worse)) {
      return false;
    }
  }
  *alert.mutable_notified_at() = ToTimestamp(now);
  alert.set_notified_severity(Name(current));
  alert.set_worst_notified_severity(
      Name(std::max(current, Level(alert.worst_notified_severity()))));
  v1::AlertNotification& notification = notifications.emplace_back();
  *notification.mutable_time() = ToTimestamp(now);
  notification.set_event(EventName(told, current));
  notification.set_previous_severity(Name(told));
  *notification.mutable_alert() = alert;
  alert.clear_kept_back();
  return true;
}

bool AlertEngine::IsQuiet(const v1::Alert& alert, absl::Time now) const {
  if (IsFiring(alert) || IsPending(alert) || !alert.notified_severity().empty()) return false;
  return !alert.has_notified_at() || now - ToTime(alert.notified_at()) >= options_.notify_interval;
}

void AlertEngine::KeepResolved(v1::Alert alert) {
  if (alert.fired() == 0) return;
  resolved_.push_back(std::move(alert));
  if (resolved_.size() <= kMostResolved) return;
  resolved_.pop_front();
  ++resolved_dropped_;
}

std::vector<v1::Alert> AlertEngine::alerts() const {
  std::vector<v1::Alert> all;
  for (const auto& [key, alert] : alerts_) all.push_back(alert);
  all.insert(all.end(), resolved_.rbegin(), resolved_.rend());
  std::stable_sort(all.begin(), all.end(), [](const v1::Alert& a, const v1::Alert& b) {
    return std::make_tuple(StateRank(a), -static_cast<int>(Level(a.severity()))) <
           std::make_tuple(StateRank(b), -static_cast<int>(Level(b.severity())));
  });
  return all;
}

std::vector<v1::Alert> AlertEngine::told() const {
  std::vector<v1::Alert> told;
  for (const auto& [key, alert] : alerts_) {
    if (!alert.notified_severity().empty()) told.push_back(alert);
  }
  return told;
}

v1::MonitorState AlertEngine::Save() const {
  v1::MonitorState state;
  state.set_format(kMonitorStateFormat);
  *state.mutable_time() = ToTimestamp(Now());
  for (const v1::Alert& alert : resolved_) *state.add_alerts() = alert;
  for (const auto& [key, alert] : alerts_) *state.add_alerts() = alert;
  return state;
}

absl::Status AlertEngine::Restore(const v1::MonitorState& state) {
  TF_RETURN_IF_ERROR(CheckSavedAlerts(state));
  const absl::Time now = Now();
  const absl::Time saved = std::min(ToTime(state.time()), now);
  std::map<Key, v1::Alert> alerts;
  for (v1::Alert alert : state.alerts()) {
    BoundAlertTimes(alert, now);
    if (IsQuiet(alert, now)) {
      KeepResolved(std::move(alert));
      continue;
    }
    MakeUnknown(alert, saved, "the monitor was not running");
    Key key(alert.host(), alert.network_namespace(), alert.rule(), alert.subject());
    if (!alerts.emplace(std::move(key), std::move(alert)).second) {
      resolved_.clear();
      return absl::InvalidArgumentError(absl::StrCat("two alerts of ", alert.rule(), " on ",
                                                     alert.host(), " about the same subject"));
    }
  }
  alerts_ = std::move(alerts);
  return absl::OkStatus();
}

}  // namespace tcpfleet::controller
