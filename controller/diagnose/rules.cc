#include "controller/diagnose/rules.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/suggest.h"

namespace tcpfleet::controller {
namespace {

constexpr std::vector<DiagnosisRule> (*kFamilies[])() = {
    &AcceptQueueRules,  &ClosingRules,  &ConnectRules, &DeviceRules, &HalfOpenRules,
    &PacketRules,       &PathRules,     &PoolRules,    &PortRules,   &ResetRules,
    &SocketMemoryRules, &SynQueueRules, &TableRules,   &WindowRules,
};

std::vector<DiagnosisRule> CollectRules() {
  std::vector<DiagnosisRule> rules;
  for (const auto family : kFamilies) {
    std::vector<DiagnosisRule> more = family();
    std::move(more.begin(), more.end(), std::back_inserter(rules));
  }
  std::sort(rules.begin(), rules.end(),
            [](const DiagnosisRule& a, const DiagnosisRule& b) { return a.number < b.number; });
  return rules;
}

RuleSelection Selection(std::vector<const DiagnosisRule*> rules) {
  RuleSelection selection{.rules = std::move(rules), .settings = {}};
  for (const DiagnosisRule* rule : selection.rules) {
    selection.settings.emplace(std::string(rule->id), RuleParameters(rule->parameters));
  }
  return selection;
}

}  // namespace

absl::Span<const DiagnosisRule> AllRules() {
  static const auto& rules = *new std::vector<DiagnosisRule>(CollectRules());
  return rules;
}

const DiagnosisRule* FindRule(absl::string_view number_or_id) {
  for (const DiagnosisRule& rule : AllRules()) {
    if (rule.id == number_or_id || absl::EqualsIgnoreCase(rule.number, number_or_id)) return &rule;
  }
  return nullptr;
}

RuleSelection DefaultRules() {
  std::vector<const DiagnosisRule*> rules;
  for (const DiagnosisRule& rule : AllRules()) rules.push_back(&rule);
  return Selection(std::move(rules));
}

absl::StatusOr<RuleSelection> SelectRules(absl::Span<const std::string> numbers_or_ids) {
  std::vector<const DiagnosisRule*> rules;
  for (const std::string& name : numbers_or_ids) {
    const DiagnosisRule* const rule = FindRule(name);
    if (rule == nullptr) {
      std::vector<std::string> ids;
      for (const DiagnosisRule& one : AllRules()) ids.emplace_back(one.id);
      const std::string suggestion = base::DidYouMean(name, ids);
      return absl::InvalidArgumentError(
          absl::StrCat("no rule '", name, "'",
                       suggestion.empty() ? ": `tcpfleet explain rules` lists them" : suggestion));
    }
    rules.push_back(rule);
  }
  std::sort(rules.begin(), rules.end(),
            [](const DiagnosisRule* a, const DiagnosisRule* b) { return a->number < b->number; });
  rules.erase(std::unique(rules.begin(), rules.end()), rules.end());
  return Selection(std::move(rules));
}

}  // namespace tcpfleet::controller
