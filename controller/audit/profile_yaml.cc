#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <map>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/units.h"
#include "common/sysctl/key.h"
#include "common/sysctl/value.h"
#include "controller/audit/kernel_version.h"
#include "controller/audit/modules.h"
#include "controller/audit/profile.h"
#include "controller/audit/profile_text.h"
#include "controller/fleet/yaml_file.h"

namespace tcpfleet::controller {
namespace {

const std::vector<std::string>& RuleKeys() {
  static const auto& keys = *new std::vector<std::string>{
      "key",     "severity", "reason",   "reference", "equals", "at_least",
      "at_most", "range",    "one_of",   "elements",  "absent", "never_lower",
      "ordered", "when",     "original", "correction"};
  return keys;
}

class ProfileReader {
 public:
  explicit ProfileReader(const std::string& path) : path_(path) {}

  absl::StatusOr<Profile> Read(const YAML::Node& document) {
    if (!document.IsMap()) return Wrong(document, "a profile is a mapping with `rules`");
    TF_RETURN_IF_ERROR(CheckKeys(path_, document, {{"name", "description", "rules"}}));
    Profile profile;
    TF_ASSIGN_OR_RETURN(profile.name, Text(document, "name", path_));
    TF_ASSIGN_OR_RETURN(profile.description, Text(document, "description", ""));
    const YAML::Node rules = document["rules"];
    if (!rules || !rules.IsSequence() || rules.size() == 0) {
      return Wrong(document, "`rules` must be a list with at least one rule");
    }
    if (rules.size() > kMostRules) {
      return Wrong(rules, absl::StrCat("more than ", kMostRules, " rules"));
    }
    for (const YAML::Node& node : rules) {
      TF_ASSIGN_OR_RETURN(Rule rule, ReadRule(node));
      TF_RETURN_IF_ERROR(CheckNew(rule, node));
      profile.rules.push_back(std::move(rule));
    }
    return profile;
  }

 private:
  absl::Status Wrong(const YAML::Node& node, absl::string_view what) const {
    return YamlError(path_, node, what);
  }

  // Two rules about the same hosts contradict each other, or one of them is a mistake.
  absl::Status CheckNew(const Rule& rule, const YAML::Node& node) {
    auto& earlier = by_key_[rule.key];
    for (const auto& [when, line] : earlier) {
      if (when == rule.when) {
        return Wrong(node, absl::StrCat(sysctl::DottedKey(rule.key),
                                        " has a rule for the same hosts in line ", line));
      }
    }
    earlier.emplace_back(rule.when, rule.line);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Text(const YAML::Node& mapping, const char* name,
                                   const std::string& otherwise) const {
    const YAML::Node node = mapping[name];
    if (!node) return otherwise;
    if (!node.IsScalar()) return Wrong(node, absl::StrCat("`", name, "` must be a text"));
    return node.Scalar();
  }

  absl::StatusOr<bool> Flag(const YAML::Node& mapping, const char* name) const {
    TF_ASSIGN_OR_RETURN(const std::string text, Text(mapping, name, "false"));
    if (text == "true") return true;
    if (text == "false") return false;
    return Wrong(mapping[name], absl::StrCat("`", name, "` must be true or false"));
  }

  // Decimal alone: a profile that means 0200 as octal is a trap.
  absl::StatusOr<int64_t> Number(const YAML::Node& node) const {
    int64_t number = 0;
    if (!node.IsScalar() || !absl::SimpleAtoi(node.Scalar(), &number) ||
        absl::StrCat(number) != node.Scalar()) {
      return Wrong(node, "a decimal number was due");
    }
    return number;
  }

  absl::StatusOr<Rule> ReadRule(const YAML::Node& node) {
    if (!node.IsMap()) return Wrong(node, "a rule is a mapping with `key`");
    TF_RETURN_IF_ERROR(CheckKeys(path_, node, RuleKeys()));
    Rule rule;
    rule.line = static_cast<uint32_t>(node.Mark().line + 1);
    TF_ASSIGN_OR_RETURN(const std::string key, Text(node, "key", ""));
    const absl::StatusOr<std::string> parsed = sysctl::ParseKey(key);
    if (!parsed.ok()) return Wrong(node, parsed.status().message());
    if (const absl::Status checked = CheckWildcards(*parsed); !checked.ok()) {
      return Wrong(node, checked.message());
    }
    rule.key = *parsed;
    TF_ASSIGN_OR_RETURN(const std::string severity, Text(node, "severity", "warn"));
    const absl::StatusOr<Severity> known = ParseSeverity(severity);
    if (!known.ok()) return Wrong(node["severity"], known.status().message());
    rule.severity = *known;
    TF_ASSIGN_OR_RETURN(rule.reason, Text(node, "reason", ""));
    TF_ASSIGN_OR_RETURN(rule.reference, Text(node, "reference", ""));
    TF_ASSIGN_OR_RETURN(rule.never_lower, Flag(node, "never_lower"));
    TF_ASSIGN_OR_RETURN(rule.ordered, Flag(node, "ordered"));
    TF_RETURN_IF_ERROR(ReadWanted(node, rule));
    if (const YAML::Node original = node["original"]) {
      TF_ASSIGN_OR_RETURN(rule.original, Value(original, rule.key));
    }
    TF_ASSIGN_OR_RETURN(rule.correction, Text(node, "correction", ""));
    if (rule.original && rule.correction.empty()) {
      return Wrong(node, "`original` needs a `correction` that says what is wrong with it");
    }
    if (const YAML::Node when = node["when"]) {
      TF_RETURN_IF_ERROR(ReadCondition(when, rule.when));
    }
    return rule;
  }

  absl::Status ReadWanted(const YAML::Node& node, Rule& rule) {
    int given = 0;
    for (const char* name :
         {"equals", "at_least", "at_most", "range", "one_of", "elements", "absent"}) {
      given += node[name] ? 1 : 0;
    }
    if (given != 1) {
      return Wrong(node,
                   "a rule has exactly one of equals, at_least, at_most, range, one_of, elements "
                   "and absent");
    }
    if (node["equals"]) {
      TF_ASSIGN_OR_RETURN(rule.equals, Value(node["equals"], rule.key));
      if (rule.never_lower && !sysctl::ParseNumbers(*rule.equals)) {
        return Wrong(node, "`never_lower` needs numbers in `equals`");
      }
      return absl::OkStatus();
    }
    if (rule.never_lower) return Wrong(node, "`never_lower` goes with `equals`");
    if (node["absent"]) {
      TF_ASSIGN_OR_RETURN(rule.absent, Flag(node, "absent"));
      return rule.absent ? absl::OkStatus() : Wrong(node["absent"], "`absent` must be true");
    }
    if (const YAML::Node one_of = node["one_of"]) return ReadOneOf(one_of, rule);
    if (const YAML::Node elements = node["elements"]) return ReadElements(elements, rule);
    TF_ASSIGN_OR_RETURN(rule.elements.emplace_back(), ReadBounds(node));
    return absl::OkStatus();
  }

  // Canonical. A profile says what it means in decimal.
  absl::StatusOr<std::string> Value(const YAML::Node& node, const std::string& key) const {
    if (!node.IsScalar()) return Wrong(node, "a value must be a text or a number");
    if (absl::StrContains(node.Scalar(), "0x") || absl::StrContains(node.Scalar(), "0X")) {
      return Wrong(node, "a hexadecimal number: write it in decimal");
    }
    if (const absl::Status checked = CheckWantedValue(key, node.Scalar()); !checked.ok()) {
      return Wrong(node, checked.message());
    }
    std::string value = sysctl::Canonical(key, node.Scalar());
    if (value.empty()) return Wrong(node, "a value is empty");
    return value;
  }

  // Aliases make long lists out of short text.
  absl::Status CheckLength(const YAML::Node& node, absl::string_view name) const {
    if (node.size() <= kMostChoices) return absl::OkStatus();
    return Wrong(
        node, absl::StrCat("`", name, "` has ", node.size(), " entries, at most ", kMostChoices));
  }

  absl::Status ReadOneOf(const YAML::Node& node, Rule& rule) {
    if (!node.IsSequence() || node.size() == 0) return Wrong(node, "`one_of` must be a list");
    TF_RETURN_IF_ERROR(CheckLength(node, "one_of"));
    for (const YAML::Node& value : node) {
      TF_ASSIGN_OR_RETURN(rule.one_of.emplace_back(), Value(value, rule.key));
    }
    return absl::OkStatus();
  }

  absl::Status ReadElements(const YAML::Node& node, Rule& rule) {
    if (!node.IsSequence() || node.size() == 0) return Wrong(node, "`elements` must be a list");
    TF_RETURN_IF_ERROR(CheckLength(node, "elements"));
    for (const YAML::Node& element : node) {
      if (element.IsScalar() && element.Scalar() == "any") {
        rule.elements.emplace_back();
        continue;
      }
      if (!element.IsMap()) return Wrong(element, "an element is `any` or a mapping with bounds");
      TF_RETURN_IF_ERROR(CheckKeys(path_, element, {{"at_least", "at_most", "range"}}));
      TF_ASSIGN_OR_RETURN(rule.elements.emplace_back(), ReadBounds(element));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Bounds> ReadBounds(const YAML::Node& node) {
    Bounds bounds;
    if (const YAML::Node least = node["at_least"]) {
      TF_ASSIGN_OR_RETURN(bounds.least, Number(least));
    }
    if (const YAML::Node most = node["at_most"]) {
      TF_ASSIGN_OR_RETURN(bounds.most, Number(most));
    }
    if (const YAML::Node range = node["range"]) {
      if (!range.IsSequence() || range.size() != 2) {
        return Wrong(range, "`range` must be two numbers, [low, high]");
      }
      TF_ASSIGN_OR_RETURN(bounds.least, Number(range[0]));
      TF_ASSIGN_OR_RETURN(bounds.most, Number(range[1]));
    }
    if (bounds.least && bounds.most && *bounds.least > *bounds.most) {
      return Wrong(node, "the lower bound is above the upper one");
    }
    return bounds;
  }

  absl::Status ReadCondition(const YAML::Node& node, Condition& when) {
    if (!node.IsMap()) return Wrong(node, "`when` must be a mapping");
    TF_RETURN_IF_ERROR(
        CheckKeys(path_, node, {{"since", "until", "min_ram", "max_ram", "labels", "module"}}));
    TF_ASSIGN_OR_RETURN(when.module, Text(node, "module", ""));
    if (node["module"] && EvidenceOf(when.module) == nullptr) {
      return Wrong(node["module"],
                   absl::StrCat("'", when.module, "' is no module that can be seen: ",
                                absl::StrJoin(KnownModuleNames(), ", "), " can"));
    }
    TF_ASSIGN_OR_RETURN(when.since, Version(node, "since"));
    TF_ASSIGN_OR_RETURN(when.until, Version(node, "until"));
    TF_ASSIGN_OR_RETURN(when.least_ram, Bytes(node, "min_ram"));
    TF_ASSIGN_OR_RETURN(when.most_ram, Bytes(node, "max_ram"));
    const YAML::Node labels = node["labels"];
    if (!labels) return absl::OkStatus();
    if (!labels.IsMap()) return Wrong(labels, "`labels` must be a mapping of label to value");
    TF_RETURN_IF_ERROR(CheckLength(labels, "labels"));
    for (const auto& label : labels) {
      if (!label.first.IsScalar() || !label.second.IsScalar()) {
        return Wrong(labels, "`labels` must be a mapping of label to value");
      }
      when.labels[label.first.Scalar()] = label.second.Scalar();
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Version(const YAML::Node& mapping, const char* name) {
    TF_ASSIGN_OR_RETURN(const std::string text, Text(mapping, name, ""));
    if (!text.empty() && !ParseKernelVersion(text)) {
      return Wrong(mapping[name], absl::StrCat("'", text, "' is no kernel version such as 5.4"));
    }
    return text;
  }

  absl::StatusOr<std::optional<uint64_t>> Bytes(const YAML::Node& mapping, const char* name) {
    if (!mapping[name]) return std::optional<uint64_t>();
    TF_ASSIGN_OR_RETURN(const std::string text, Text(mapping, name, ""));
    const absl::StatusOr<uint64_t> bytes = base::ParseCount(text);
    if (!bytes.ok()) return Wrong(mapping[name], bytes.status().message());
    return std::optional<uint64_t>(*bytes);
  }

  const std::string& path_;
  std::map<std::string, std::vector<std::pair<Condition, uint32_t>>> by_key_;
};

}  // namespace

absl::StatusOr<Profile> ParseProfile(const std::string& path, absl::string_view yaml) {
  TF_RETURN_IF_ERROR(CheckProfileText(path, yaml));
  Profile profile;
  TF_RETURN_IF_ERROR(ReadYaml(path, yaml, [&](const YAML::Node& document) -> absl::Status {
    TF_ASSIGN_OR_RETURN(profile, ProfileReader(path).Read(document));
    return absl::OkStatus();
  }));
  return profile;
}

}  // namespace tcpfleet::controller
