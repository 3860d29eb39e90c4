#include "controller/audit/check_files.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <map>
#include <vector>

#include "controller/audit/audit_text.h"
#include "controller/audit/drift_text.h"
#include "controller/cli/junit_xml.h"
#include "controller/cli/sarif.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

template <class Group>
std::vector<std::string> AgentsOf(const Group& group) {
  return {group.agents().begin(), group.agents().end()};
}

template <class Report>
std::vector<std::string> FailuresOf(const Report& report) {
  const std::vector<v1::AgentFailure> failures(report.failures().begin(), report.failures().end());
  return FailureLines(failures);
}

template <class Report>
void AddFailures(const Report& report, std::vector<JUnitCase>& cases) {
  for (const v1::AgentFailure& failure : report.failures()) {
    cases.push_back({absl::StrCat("agent ", failure.name()), 0, "error",
                     absl::StrCat(failure.kind(), ": ", failure.cause())});
  }
}

// "FILE:LINE" as both.
void SetPlace(const std::string& set_by, SarifResult& result) {
  const size_t colon = set_by.rfind(':');
  if (colon == std::string::npos) return;
  if (absl::SimpleAtoi(set_by.substr(colon + 1), &result.line)) {
    result.file = set_by.substr(0, colon);
  }
}

std::string LevelOf(const std::string& severity) {
  return severity == "crit" ? "error" : severity == "warn" ? "warning" : "note";
}

bool IsWrong(const v1::AuditGroup& group) { return group.state() == "wrong"; }
bool IsWrongAtSomeTime(const v1::AuditGroup& group) {
  return IsWrong(group) || group.state_after_boot() == "wrong";
}

JUnitCase ToCase(const v1::AuditRule& rule, Severity least) {
  const absl::StatusOr<Severity> severity = ParseSeverity(rule.severity());
  std::vector<std::string> wrong, unknown;
  bool applies = false;
  for (const v1::AuditGroup& group : rule.groups()) {
    const auto text = [&] {
      return absl::StrCat(FoldNames(AgentsOf(group)), ": ", DescribeAudit(group));
    };
    if (IsWrong(group)) wrong.push_back(text());
    if (group.state() == "unknown") unknown.push_back(text());
    applies = applies || group.state() != "not-applicable";
  }
  JUnitCase result{.name = absl::StrCat(rule.key(), " ", rule.wanted()),
                   .seconds = 0,
                   .kind = "",
                   .message = ""};
  if (!wrong.empty() && severity.ok() && *severity >= least) {
    result.kind = "failure";
    result.message = absl::StrJoin(wrong, " | ");
  } else if (!unknown.empty()) {
    result.kind = "error";
    result.message = absl::StrJoin(unknown, " | ");
  } else if (!applies) {
    result.kind = "skipped";
    result.message = "applies to no host";
  }
  return result;
}

SarifRule ToRule(const v1::AuditRule& rule, const std::string& id) {
  std::string help = absl::StrCat(rule.key(), " is wanted ", rule.wanted(), ".");
  if (!rule.reason().empty()) absl::StrAppend(&help, " ", rule.reason(), ".");
  if (!rule.correction().empty()) absl::StrAppend(&help, " Corrected: ", rule.correction(), ".");
  const bool is_uri = absl::StartsWith(rule.reference(), "http");
  if (!is_uri && !rule.reference().empty()) absl::StrAppend(&help, " See ", rule.reference(), ".");
  return {.id = id,
          .level = LevelOf(rule.severity()),
          .summary = absl::StrCat(rule.key(), " ", rule.wanted()),
          .help = help,
          .help_uri = is_uri ? rule.reference() : ""};
}

}  // namespace

std::string AuditJUnit(const v1::AuditReport& report, Severity least, absl::Time now) {
  std::vector<JUnitCase> cases;
  for (const v1::AuditRule& rule : report.rules()) cases.push_back(ToCase(rule, least));
  AddFailures(report, cases);
  return JUnitDocument(absl::StrCat("tcpfleet audit ", report.profile()), "tcpfleet.audit", now,
                       cases);
}

std::string AuditSarif(const v1::AuditReport& report) {
  std::vector<SarifRule> rules;
  std::vector<SarifResult> results;
  std::map<std::string, int> seen;
  for (const v1::AuditRule& rule : report.rules()) {
    // Rules for different hosts may be about one key.
    const int number = ++seen[rule.key()];
    rules.push_back(ToRule(
        rule, absl::StrCat("audit/", rule.key(), number > 1 ? absl::StrCat("/", number) : "")));
    for (const v1::AuditGroup& group : rule.groups()) {
      if (!IsWrongAtSomeTime(group)) continue;
      SarifResult& result = results.emplace_back();
      result.rule = rules.size() - 1;
      result.hosts = AgentsOf(group);
      result.subject = rule.key();
      result.message = absl::StrCat(FoldNames(result.hosts), ": ", rule.key(), " is ",
                                    DescribeAudit(group), "; wanted ", rule.wanted());
      if (group.state_after_boot() == "wrong") SetPlace(group.set_by(), result);
    }
  }
  return SarifDocument(rules, results, FailuresOf(report));
}

std::string DriftJUnit(const v1::DriftReport& report, absl::Time now) {
  std::vector<JUnitCase> cases;
  for (const v1::DriftedKey& key : report.keys()) {
    std::vector<std::string> groups;
    for (const v1::DriftGroup& group : key.groups()) {
      if (group.reference()) continue;
      groups.push_back(
          absl::StrCat(FoldNames(AgentsOf(group)), ": ", DescribeDrift(report, key, group)));
    }
    cases.push_back({key.key(), 0, "failure", absl::StrJoin(groups, " | ")});
  }
  const uint64_t same = report.compared() - std::min<uint64_t>(report.compared(), cases.size());
  cases.push_back({absl::StrCat(same, " other parameters"), 0, "", ""});
  AddFailures(report, cases);
  return JUnitDocument("tcpfleet drift", "tcpfleet.drift", now, cases);
}

std::string DriftSarif(const v1::DriftReport& report) {
  std::vector<SarifRule> rules;
  std::vector<SarifResult> results;
  const absl::string_view from = report.baseline().empty() ? "on all hosts" : "over time";
  for (const v1::DriftedKey& key : report.keys()) {
    rules.push_back({.id = absl::StrCat("drift/", key.key()),
                     .level = "warning",
                     .summary = absl::StrCat(key.key(), " is not the same ", from),
                     .help = absl::StrCat(key.key(), " is expected to be the same ", from,
                                          ". `tcpfleet who-sets ", key.key(),
                                          "` shows every line that sets it."),
                     .help_uri = ""});
    for (const v1::DriftGroup& group : key.groups()) {
      if (group.reference()) continue;
      SarifResult& result = results.emplace_back();
      result.rule = rules.size() - 1;
      result.hosts = AgentsOf(group);
      result.subject =
          group.interfaces().empty()
              ? key.key()
              : absl::StrCat(key.key(), " on ", absl::StrJoin(group.interfaces(), ","));
      result.message = absl::StrCat(FoldNames(result.hosts), ": ", result.subject, " is ",
                                    DescribeDrift(report, key, group));
      SetPlace(group.set_by(), result);
    }
  }
  return SarifDocument(rules, results, FailuresOf(report));
}

}  // namespace tcpfleet::controller
