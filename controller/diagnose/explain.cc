#include "controller/diagnose/explain.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/suggest.h"
#include "common/sysctl/key.h"
#include "controller/diagnose/glossary.h"
#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

std::string RuleLine(const DiagnosisRule& rule) {
  return absl::StrCat(rule.number, " ", rule.id, ": ", rule.title);
}

v1::ExplainReport ExplainRule(const DiagnosisRule& rule) {
  v1::ExplainReport report;
  report.set_subject(std::string(rule.id));
  report.set_kind("rule");
  report.set_number(std::string(rule.number));
  report.set_meaning(std::string(rule.title));
  report.set_symptom(std::string(rule.symptom));
  report.set_cause(std::string(rule.cause));
  for (const absl::string_view fix : rule.fixes) report.add_fixes(std::string(fix));
  report.set_false_positives(std::string(rule.false_positives));
  report.set_kernel(std::string(rule.kernel));
  for (const absl::string_view one : rule.commands) report.add_commands(std::string(one));
  report.set_link(std::string(rule.link));
  for (const RuleParameter& parameter : rule.parameters) {
    v1::ExplainedThreshold& threshold = *report.add_thresholds();
    threshold.set_name(std::string(parameter.name));
    threshold.set_value(parameter.value);
    threshold.set_unit(std::string(parameter.unit));
    threshold.set_reason(std::string(parameter.reason));
  }
  return report;
}

bool Reads(const DiagnosisRule& rule, absl::string_view name) {
  for (const auto& names : {rule.needs, rule.helps, rule.fields}) {
    if (std::find(names.begin(), names.end(), name) != names.end()) return true;
  }
  return false;
}

v1::ExplainReport ExplainEntry(const GlossaryEntry& entry, absl::string_view kind,
                               const std::string& subject) {
  v1::ExplainReport report;
  report.set_subject(subject);
  report.set_kind(std::string(kind));
  report.set_meaning(std::string(entry.meaning));
  report.set_kernel(std::string(entry.kernel));
  for (const DiagnosisRule& rule : AllRules()) {
    if (Reads(rule, entry.name)) report.add_rules(RuleLine(rule));
  }
  return report;
}

const GlossaryEntry* FindSysctl(absl::string_view what) {
  const absl::StatusOr<std::string> key = sysctl::ParseKey(what);
  if (!key.ok()) return nullptr;
  for (const GlossaryEntry& entry : SysctlGlossary()) {
    if (entry.name == absl::string_view(*key)) return &entry;
  }
  return nullptr;
}

// With its table, as nstat writes it without the dot, or by its column alone.
const GlossaryEntry* FindCounter(absl::string_view what) {
  for (const GlossaryEntry& entry : CounterGlossary()) {
    const absl::string_view column = entry.name.substr(entry.name.find('.') + 1);
    if (absl::EqualsIgnoreCase(entry.name, what) || absl::EqualsIgnoreCase(column, what) ||
        absl::EqualsIgnoreCase(absl::StrReplaceAll(entry.name, {{".", ""}}), what)) {
      return &entry;
    }
  }
  return nullptr;
}

const GlossaryEntry* FindField(absl::string_view what) {
  for (const GlossaryEntry& entry : FieldGlossary()) {
    if (entry.name == what) return &entry;
  }
  return nullptr;
}

// Rules one of whose error messages is in the text, or the text in it.
v1::ExplainReport ExplainError(absl::string_view text) {
  v1::ExplainReport report;
  report.set_subject(std::string(text));
  report.set_kind("error");
  const std::string lower = absl::AsciiStrToLower(text);
  for (const DiagnosisRule& rule : AllRules()) {
    const bool is_named =
        std::any_of(rule.errors.begin(), rule.errors.end(), [&](absl::string_view error) {
          const std::string known = absl::AsciiStrToLower(error);
          return absl::StrContains(lower, known) ||
                 (lower.size() >= 6 && absl::StrContains(known, lower));
        });
    if (is_named) report.add_rules(RuleLine(rule));
  }
  return report;
}

v1::ExplainReport AllOfThem() {
  v1::ExplainReport report;
  report.set_subject("rules");
  report.set_kind("rules");
  for (const DiagnosisRule& rule : AllRules()) report.add_rules(RuleLine(rule));
  return report;
}

absl::Status NothingOfThatName(absl::string_view what) {
  std::vector<std::string> names;
  for (const DiagnosisRule& rule : AllRules()) names.emplace_back(rule.id);
  for (const GlossaryEntry& entry : SysctlGlossary()) {
    names.push_back(sysctl::DottedKey(entry.name));
  }
  for (const GlossaryEntry& entry : CounterGlossary()) {
    names.emplace_back(entry.name);
    names.emplace_back(entry.name.substr(entry.name.find('.') + 1));
  }
  for (const GlossaryEntry& entry : FieldGlossary()) names.emplace_back(entry.name);
  const std::string suggestion = base::DidYouMean(what, names);
  return absl::InvalidArgumentError(
      absl::StrCat("'", what, "' is no rule, sysctl, counter, field or known error",
                   suggestion.empty() ? ": `tcpfleet explain rules` lists the rules" : suggestion));
}

}  // namespace

absl::StatusOr<v1::ExplainReport> Explain(absl::string_view what) {
  if (what == "rules") return AllOfThem();
  if (const DiagnosisRule* rule = FindRule(what)) return ExplainRule(*rule);
  if (const GlossaryEntry* entry = FindSysctl(what)) {
    return ExplainEntry(*entry, "sysctl", sysctl::DottedKey(entry->name));
  }
  if (const GlossaryEntry* entry = FindCounter(what)) {
    return ExplainEntry(*entry, "counter", std::string(entry->name));
  }
  if (const GlossaryEntry* entry = FindField(what)) {
    return ExplainEntry(*entry, "field", std::string(entry->name));
  }
  v1::ExplainReport report = ExplainError(what);
  if (report.rules().empty()) return NothingOfThatName(what);
  return report;
}

}  // namespace tcpfleet::controller
