#include "controller/diagnose/judge.h"

#include <absl/strings/str_cat.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/diagnose/correlate.h"
#include "controller/diagnose/finding.h"
#include "controller/diagnose/fold_findings.h"
#include "controller/diagnose/host_observation.h"

namespace tcpfleet::controller {
namespace {

void Complete(const DiagnosisRule& rule, v1::Finding& finding) {
  finding.set_rule(std::string(rule.id));
  if (finding.title().empty()) finding.set_title(std::string(rule.title));
  if (finding.cause().empty()) finding.set_cause(std::string(rule.cause));
  if (finding.fixes().empty()) {
    for (const absl::string_view fix : rule.fixes) finding.add_fixes(std::string(fix));
  }
}

class Judgement {
 public:
  explicit Judgement(absl::Span<const HostObservation> hosts) : hosts_(hosts) {}

  void Ask(const DiagnosisRule& rule, const RuleParameters& parameters) {
    std::set<std::string> judged;  // and something is wrong, or it is not known
    if (rule.evaluate_fleet != nullptr) {
      AskFleet(rule, parameters, judged);
    } else {
      for (const HostObservation& host : hosts_) {
        if (host.is_own() || rule.every_namespace) AskHost(rule, parameters, host, judged);
      }
    }
    std::vector<std::string> fine;
    for (const HostObservation& host : hosts_) {
      if (host.is_own() && !judged.contains(host.name())) fine.push_back(host.name());
    }
    if (fine.empty()) return;
    v1::RuleVerdict& verdict = fine_.emplace_back();
    verdict.set_rule(std::string(rule.id));
    verdict.mutable_hosts()->Add(fine.begin(), fine.end());
  }

  void AddTo(const v1::EvidenceBundle& bundle, v1::DiagnosisReport& report) && {
    Correlate(bundle, findings_);
    for (v1::Finding& finding : FoldFindings(std::move(findings_))) {
      *report.add_findings() = std::move(finding);
    }
    for (v1::RuleVerdict& verdict : fine_) *report.add_fine() = std::move(verdict);
    for (v1::RuleVerdict& verdict : unknown_) *report.add_not_evaluated() = std::move(verdict);
  }

 private:
  void AskHost(const DiagnosisRule& rule, const RuleParameters& parameters,
               const HostObservation& host, std::set<std::string>& judged) {
    Findings found = rule.evaluate(host, parameters);
    if (!found.ok()) {
      const std::string why(found.status().message());
      AddUnknown(rule, host.name(),
                 host.is_own() ? why : absl::StrCat(host.NamespaceName(), ": ", why));
      judged.insert(host.name());
      return;
    }
    for (v1::Finding& finding : *found) {
      Complete(rule, finding);
      SetHost(host, finding);
      findings_.push_back(std::move(finding));
      judged.insert(host.name());
    }
  }

  void AskFleet(const DiagnosisRule& rule, const RuleParameters& parameters,
                std::set<std::string>& judged) {
    FleetFindings found = rule.evaluate_fleet(hosts_, parameters);
    for (const auto& [host, why] : found.not_evaluated) {
      AddUnknown(rule, host, why);
      judged.insert(host);
    }
    for (v1::Finding& finding : found.findings) {
      Complete(rule, finding);
      judged.insert(finding.hosts().begin(), finding.hosts().end());
      findings_.push_back(std::move(finding));
    }
  }

  void AddUnknown(const DiagnosisRule& rule, const std::string& host, const std::string& why) {
    for (v1::RuleVerdict& verdict : unknown_) {
      if (verdict.rule() == std::string(rule.id) && verdict.why() == why) {
        if (*verdict.hosts().rbegin() != host) verdict.add_hosts(host);
        return;
      }
    }
    v1::RuleVerdict& verdict = unknown_.emplace_back();
    verdict.set_rule(std::string(rule.id));
    verdict.set_why(why);
    verdict.add_hosts(host);
  }

  const absl::Span<const HostObservation> hosts_;
  std::vector<v1::Finding> findings_;
  std::vector<v1::RuleVerdict> fine_;
  std::vector<v1::RuleVerdict> unknown_;
};

}  // namespace

v1::DiagnosisReport Diagnose(const v1::EvidenceBundle& bundle, const RuleSelection& selection) {
  v1::DiagnosisReport report;
  *report.mutable_time() = bundle.time();
  *report.mutable_failures() = bundle.failures();
  std::vector<HostObservation> hosts;
  for (const v1::HostEvidence& evidence : bundle.hosts()) {
    report.add_hosts(evidence.name());
    for (const uint64_t inode : NamespacesOf(evidence)) hosts.emplace_back(evidence, inode);
  }
  Judgement judgement(hosts);
  for (const DiagnosisRule* rule : selection.rules) {
    judgement.Ask(*rule, selection.settings.at(std::string(rule->id)));
  }
  std::move(judgement).AddTo(bundle, report);
  return report;
}

bool HasFinding(const v1::DiagnosisReport& report, FindingSeverity least) {
  for (const v1::Finding& finding : report.findings()) {
    const auto severity = ParseFindingSeverity(finding.severity());
    if (severity.ok() && *severity >= least) return true;
  }
  return false;
}

}  // namespace tcpfleet::controller
