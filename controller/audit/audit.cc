#include "controller/audit/audit.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "common/sysctl/key.h"

namespace tcpfleet::controller {
namespace {

// The keys of a host that a rule is about, one that it does not have included.
std::set<std::string> KeysOf(const Rule& rule, absl::Span<const AuditedHost> hosts) {
  if (!sysctl::IsGlob(rule.key)) return {rule.key};
  std::set<std::string> keys;
  for (const AuditedHost& host : hosts) {
    for (const v1::Sysctl& sysctl : host.reading->sysctls) {
      if (sysctl::GlobMatches(rule.key, sysctl.key())) keys.insert(sysctl.key());
    }
  }
  return keys;
}

const v1::Sysctl* Find(const SysctlReading& reading, const std::string& key) {
  const auto found = std::lower_bound(
      reading.sysctls.begin(), reading.sysctls.end(), key,
      [](const v1::Sysctl& sysctl, const std::string& wanted) { return sysctl.key() < wanted; });
  return found != reading.sysctls.end() && found->key() == key ? &*found : nullptr;
}

v1::AuditGroup ToGroup(const Judgement& judgement) {
  v1::AuditGroup group;
  group.set_state(RuleStateName(judgement.state));
  for (const std::string& note : judgement.notes) group.add_notes(note);
  if (judgement.value) group.set_value(*judgement.value);
  if (judgement.after_boot) group.set_state_after_boot(RuleStateName(*judgement.after_boot));
  if (judgement.value_after_boot) group.set_value_after_boot(*judgement.value_after_boot);
  group.set_set_by(judgement.set_by);
  return group;
}

void Count(RuleState state, v1::AuditReport& report) {
  switch (state) {
    case RuleState::kRight:
      return report.set_right(report.right() + 1);
    case RuleState::kWrong:
      return report.set_wrong(report.wrong() + 1);
    case RuleState::kNotApplicable:
      return report.set_not_applicable(report.not_applicable() + 1);
    case RuleState::kUnknown:
      return report.set_unknown(report.unknown() + 1);
  }
}

void AuditKey(const Rule& rule, const std::string& key, absl::Span<const AuditedHost> hosts,
              v1::AuditReport& report) {
  v1::AuditRule& entry = *report.add_rules();
  entry.set_key(sysctl::DottedKey(key));
  entry.set_severity(std::string(SeverityName(rule.severity)));
  entry.set_wanted(WantedText(rule));
  entry.set_reason(rule.reason);
  entry.set_reference(rule.reference);
  std::map<std::string, v1::AuditGroup> groups;
  for (const AuditedHost& host : hosts) {
    const Judgement judgement = Judge(rule, host.facts, Find(*host.reading, key));
    Count(judgement.state, report);
    const v1::AuditGroup said = ToGroup(judgement);
    groups.try_emplace(said.SerializeAsString(), said).first->second.add_agents(host.name);
  }
  for (auto& [said, group] : groups) *entry.add_groups() = std::move(group);
  std::stable_sort(entry.mutable_groups()->begin(), entry.mutable_groups()->end(),
                   [](const v1::AuditGroup& a, const v1::AuditGroup& b) {
                     return a.agents_size() > b.agents_size();
                   });
}

}  // namespace

std::vector<std::string> PatternsOf(const Profile& profile) {
  std::set<std::string> patterns;
  for (const Rule& rule : profile.rules) patterns.insert(rule.key);
  return {patterns.begin(), patterns.end()};
}

v1::AuditReport Audit(const Profile& profile, absl::Span<const AuditedHost> hosts) {
  v1::AuditReport report;
  report.set_profile(profile.name);
  for (const Rule& rule : profile.rules) {
    for (const std::string& key : KeysOf(rule, hosts)) AuditKey(rule, key, hosts, report);
  }
  return report;
}

bool IsBroken(const v1::AuditReport& report, Severity least) {
  return std::any_of(report.rules().begin(), report.rules().end(), [&](const v1::AuditRule& rule) {
    const absl::StatusOr<Severity> severity = ParseSeverity(rule.severity());
    return severity.ok() && *severity >= least &&
           std::any_of(rule.groups().begin(), rule.groups().end(),
                       [](const v1::AuditGroup& group) { return group.state() == "wrong"; });
  });
}

}  // namespace tcpfleet::controller
