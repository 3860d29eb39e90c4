#include "controller/audit/drift_parts.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "common/sysctl/key.h"
#include "common/sysctl/value.h"

namespace tcpfleet::controller {

std::optional<std::string> ValueOf(const v1::Sysctl& sysctl) {
  if (!sysctl.has_value()) return std::nullopt;
  return sysctl::Canonical(sysctl.key(), sysctl.value());
}

std::string SetterOf(const v1::Sysctl& sysctl) {
  if (!sysctl.at_boot().has_winner()) return "";
  return absl::StrCat(sysctl.at_boot().winner().file(), ":", sysctl.at_boot().winner().line());
}

bool IsSetByAFile(const v1::Sysctl& sysctl) {
  return sysctl.at_boot().has_winner() || sysctl.by_procps().has_winner();
}

void Explanations::AddTo(v1::DriftReport& report) const {
  for (const auto& [about, keys] : keys_) {
    v1::DriftExplanation& explanation = *report.add_explanations();
    explanation.set_reason(about.first);
    for (const std::string& agent : about.second) explanation.add_agents(agent);
    for (const std::string& key : keys) explanation.add_keys(sysctl::DottedKey(key));
    report.set_explained(report.explained() + keys.size());
  }
}

void SortGroups(v1::DriftedKey& key) {
  std::stable_sort(key.mutable_groups()->begin(), key.mutable_groups()->end(),
                   [](const v1::DriftGroup& a, const v1::DriftGroup& b) {
                     if (a.reference() != b.reference()) return a.reference();
                     return a.agents_size() > b.agents_size();
                   });
}

}  // namespace tcpfleet::controller
