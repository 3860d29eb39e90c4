#include "controller/monitor/judgement.h"

#include <algorithm>
#include <map>
#include <utility>

namespace tcpfleet::controller {
namespace {

using HostRule = std::pair<std::string, std::string>;

// A severity that a rule must not have is at least not nothing.
AlertLevel LevelOf(const v1::Finding& finding) {
  return std::max(ParseAlertLevel(finding.severity()).value_or(AlertLevel::kWarn),
                  AlertLevel::kInfo);
}

template <class Entries>
void KeepOfHost(const std::string& host, Entries& entries) {
  entries.erase(std::remove_if(entries.begin(), entries.end(),
                               [&](const auto& entry) { return entry.host() != host; }),
                entries.end());
}

v1::Finding About(const std::string& host, const v1::Finding& finding) {
  v1::Finding own = finding;
  own.clear_hosts();
  own.add_hosts(host);
  KeepOfHost(host, *own.mutable_evidence());
  KeepOfHost(host, *own.mutable_sockets());
  return own;
}

Symptom& SymptomAbout(const std::string& subject, RuleJudgement& judgement) {
  for (Symptom& symptom : judgement.symptoms) {
    if (symptom.subject == subject) return symptom;
  }
  judgement.symptoms.emplace_back().subject = subject;
  return judgement.symptoms.back();
}

}  // namespace

std::vector<RuleJudgement> JudgementsOf(const v1::DiagnosisReport& report,
                                        const v1::DiagnosisReport* clearing) {
  std::map<HostRule, RuleJudgement> judgements;
  for (const v1::RuleVerdict& verdict : report.fine()) {
    for (const std::string& host : verdict.hosts()) judgements[{host, verdict.rule()}];
  }
  const auto add = [&](const v1::DiagnosisReport& from, bool reached) {
    for (const v1::RuleVerdict& verdict : from.not_evaluated()) {
      for (const std::string& host : verdict.hosts()) {
        judgements[{host, verdict.rule()}].unknown = verdict.why();
      }
    }
    for (const v1::Finding& finding : from.findings()) {
      for (const std::string& host : finding.hosts()) {
        Symptom& symptom = SymptomAbout(finding.subject(), judgements[{host, finding.rule()}]);
        symptom.held = std::max(symptom.held, LevelOf(finding));
        if (reached) symptom.level = std::max(symptom.level, LevelOf(finding));
        if (symptom.finding) continue;
        symptom.title = finding.title();
        symptom.finding = About(host, finding);
      }
    }
  };
  add(report, true);
  if (clearing != nullptr) add(*clearing, false);

  std::vector<RuleJudgement> all;
  for (auto& [host_rule, judgement] : judgements) {
    judgement.host = host_rule.first;
    judgement.rule = host_rule.second;
    all.push_back(std::move(judgement));
  }
  return all;
}

}  // namespace tcpfleet::controller
