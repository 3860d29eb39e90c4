#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>

#include "common/base/status_macros.h"
#include "controller/diagnose/rules.h"
#include "controller/fleet/yaml_file.h"

namespace tcpfleet::controller {
namespace {

class SettingsReader {
 public:
  SettingsReader(const std::string& path, RuleSelection& selection)
      : path_(path), selection_(selection) {}

  absl::Status Read(const YAML::Node& document) {
    if (!document.IsMap()) return YamlError(path_, document, "rule settings are a mapping");
    TF_RETURN_IF_ERROR(CheckKeys(path_, document, {{"rules"}}));
    const YAML::Node rules = document["rules"];
    if (!rules || !rules.IsMap()) {
      return YamlError(path_, document, "`rules` must be a mapping of rules to their numbers");
    }
    std::vector<std::string> ids;
    for (const DiagnosisRule& rule : AllRules()) ids.emplace_back(rule.id);
    TF_RETURN_IF_ERROR(CheckKeys(path_, rules, ids));
    for (const auto& entry : rules) {
      TF_RETURN_IF_ERROR(ReadRule(*FindRule(entry.first.Scalar()), entry.second));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status ReadRule(const DiagnosisRule& rule, const YAML::Node& node) {
    if (node.IsScalar() && node.Scalar() == "off") {
      auto& rules = selection_.rules;
      rules.erase(std::remove(rules.begin(), rules.end(), &rule), rules.end());
      selection_.settings.erase(std::string(rule.id));
      return absl::OkStatus();
    }
    if (!node.IsMap()) return YamlError(path_, node, "write `off`, or {NAME: NUMBER, ...}");
    std::vector<std::string> names;
    for (const RuleParameter& parameter : rule.parameters) names.emplace_back(parameter.name);
    TF_RETURN_IF_ERROR(CheckKeys(path_, node, names));
    const auto settings = selection_.settings.find(std::string(rule.id));
    for (const auto& entry : node) {
      double value = 0;
      if (!entry.second.IsScalar() || !absl::SimpleAtod(entry.second.Scalar(), &value) ||
          !std::isfinite(value) || value < 0) {
        return YamlError(path_, entry.second, "a number of at least 0 was due");
      }
      if (settings != selection_.settings.end()) settings->second.Set(entry.first.Scalar(), value);
    }
    return absl::OkStatus();
  }

  const std::string& path_;
  RuleSelection& selection_;
};

}  // namespace

absl::Status ApplyRuleSettings(const std::string& path, absl::string_view yaml,
                               RuleSelection& selection) {
  return ReadYaml(path, yaml, [&](const YAML::Node& document) {
    return SettingsReader(path, selection).Read(document);
  });
}

}  // namespace tcpfleet::controller
