#include "controller/audit/audit.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "common/sysctl/key.h"
#include "controller/audit/modules.h"

namespace tcpfleet::controller {
namespace {

// More patterns are asked for as the directories they are in.
constexpr size_t kMostPatterns = 256;

// Hosts that say the same and of which the same is known: one of them is judged for all.
struct Kind {
  const AuditedHost* host = nullptr;
  v1::AuditGroup* group = nullptr;  // of the rule at hand
};

class Kinds {
 public:
  explicit Kinds(absl::Span<const AuditedHost> hosts) : hosts_(hosts) {
    using Known = std::tuple<std::vector<const v1::Sysctl*>, std::string, uint64_t,
                             std::map<std::string, std::string>, std::set<std::string>>;
    std::map<Known, size_t> known;
    for (const AuditedHost& host : hosts) {
      std::vector<const v1::Sysctl*> said;
      for (const v1::Sysctl& sysctl : host.reading->sysctls) said.push_back(&sysctl);
      const auto [found, is_new] =
          known.try_emplace({std::move(said), host.facts.kernel, host.facts.memory_bytes,
                             host.facts.labels, host.facts.modules},
                            kinds_.size());
      if (is_new) kinds_.push_back({&host, nullptr});
      kind_of_.push_back(found->second);
    }
  }

  absl::Span<Kind> kinds() { return absl::MakeSpan(kinds_); }
  size_t host_count() const { return hosts_.size(); }
  const AuditedHost& host(size_t index) const { return hosts_[index]; }
  const Kind& kind_of(size_t index) const { return kinds_[kind_of_[index]]; }

 private:
  absl::Span<const AuditedHost> hosts_;
  std::vector<Kind> kinds_;
  std::vector<size_t> kind_of_;  // by host
};

// The keys of hosts that a rule is about, one that they do not have included.
std::set<std::string> KeysOf(const Rule& rule, Kinds& kinds) {
  if (!sysctl::IsGlob(rule.key)) return {rule.key};
  std::set<std::string> keys;
  for (const Kind& kind : kinds.kinds()) {
    for (const v1::Sysctl& sysctl : kind.host->reading->sysctls) {
      if (sysctl::GlobMatches(rule.key, sysctl.key())) keys.insert(sysctl.key());
    }
  }
  return keys;
}

v1::AuditGroup ToGroup(const Judgement& judgement) {
  v1::AuditGroup group;
  group.set_state(RuleStateName(judgement.state));
  for (const std::string& note : judgement.notes) group.add_notes(note);
  if (judgement.value) group.set_value(*judgement.value);
  if (judgement.after_boot) group.set_state_after_boot(RuleStateName(*judgement.after_boot));
  if (judgement.value_after_boot) group.set_value_after_boot(*judgement.value_after_boot);
  group.set_set_by(judgement.set_by);
  group.set_would_lower(judgement.would_lower);
  group.set_needs_restart(judgement.needs_restart);
  return group;
}

void Count(const v1::AuditGroup& group, v1::AuditReport& report) {
  const auto hosts = static_cast<uint64_t>(group.agents_size());
  if (group.would_lower()) report.set_would_lower(report.would_lower() + hosts);
  if (group.needs_restart()) report.set_needs_restart(report.needs_restart() + hosts);
  if (group.state() == "right") return report.set_right(report.right() + hosts);
  if (group.state() == "wrong") return report.set_wrong(report.wrong() + hosts);
  if (group.state() == "unknown") return report.set_unknown(report.unknown() + hosts);
  report.set_not_applicable(report.not_applicable() + hosts);
}

void AuditKey(const Rule& rule, const std::string& key, Kinds& kinds, v1::AuditReport& report) {
  v1::AuditRule& entry = *report.add_rules();
  entry.set_key(sysctl::DottedKey(key));
  entry.set_severity(std::string(SeverityName(rule.severity)));
  entry.set_wanted(WantedText(rule));
  entry.set_reason(rule.reason);
  entry.set_reference(rule.reference);
  if (rule.original) entry.set_original(*rule.original);
  entry.set_correction(rule.correction);
  std::map<std::string, v1::AuditGroup> groups;
  for (Kind& kind : kinds.kinds()) {
    const v1::AuditGroup said =
        ToGroup(Judge(rule, kind.host->facts, kind.host->reading->sysctls.Find(key)));
    kind.group = &groups.try_emplace(said.SerializeAsString(), said).first->second;
  }
  for (size_t i = 0; i < kinds.host_count(); ++i) {
    kinds.kind_of(i).group->add_agents(kinds.host(i).name);
  }
  for (auto& [said, group] : groups) {
    Count(group, report);
    *entry.add_groups() = std::move(group);
  }
  std::stable_sort(entry.mutable_groups()->begin(), entry.mutable_groups()->end(),
                   [](const v1::AuditGroup& a, const v1::AuditGroup& b) {
                     return a.agents_size() > b.agents_size();
                   });
}

}  // namespace

std::vector<std::string> PatternsOf(const Profile& profile) {
  std::set<std::string> patterns;
  for (const Rule& rule : profile.rules) {
    patterns.insert(rule.key);
    const ModuleEvidence* const evidence = EvidenceOf(rule.when.module);
    if (evidence != nullptr) patterns.emplace(evidence->key);
  }
  if (patterns.size() <= kMostPatterns) return {patterns.begin(), patterns.end()};
  std::set<std::string> directories;
  for (const std::string& pattern : patterns) {
    directories.insert(pattern.substr(0, pattern.find('/')));
  }
  return {directories.begin(), directories.end()};
}

v1::AuditReport Audit(const Profile& profile, absl::Span<const AuditedHost> hosts) {
  v1::AuditReport report;
  report.set_profile(profile.name);
  Kinds kinds(hosts);
  for (const Rule& rule : profile.rules) {
    for (const std::string& key : KeysOf(rule, kinds)) AuditKey(rule, key, kinds, report);
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
