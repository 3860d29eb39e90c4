#include "controller/audit/profile.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "common/sys/file.h"
#include "common/sysctl/key.h"
#include "common/sysctl/persisted.h"
#include "common/sysctl/value.h"
#include "controller/audit/profile_files.h"
#include "controller/audit/profile_text.h"

namespace tcpfleet::controller {
namespace {

constexpr std::array<absl::string_view, 3> kSeverities = {"info", "warn", "crit"};

std::string BoundsText(const Bounds& bounds) {
  if (!bounds.least && !bounds.most) return "any";
  if (!bounds.most) return absl::StrCat(">=", *bounds.least);
  if (!bounds.least) return absl::StrCat("<=", *bounds.most);
  if (*bounds.least == *bounds.most) return absl::StrCat(*bounds.least);
  return absl::StrCat(*bounds.least, "..", *bounds.most);
}

// What one line of a sysctl.d file wants. InvalidArgument without the place.
absl::StatusOr<Rule> ToRule(const std::string& name, const sysctl::Setting& setting) {
  Rule rule;
  TF_ASSIGN_OR_RETURN(rule.key, sysctl::ParseKey(name));
  TF_RETURN_IF_ERROR(CheckWildcards(rule.key));
  if (setting.value.empty()) return absl::InvalidArgumentError("a value is empty");
  if (absl::StrContains(setting.value, "#")) {
    return absl::InvalidArgumentError(
        "a comment after the value would become part of it: give it a line of its own");
  }
  TF_RETURN_IF_ERROR(CheckWantedValue(rule.key, setting.value));
  rule.line = setting.line;
  rule.equals = sysctl::Canonical(rule.key, setting.value);
  return rule;
}

}  // namespace

absl::string_view SeverityName(Severity severity) {
  return kSeverities[static_cast<size_t>(severity)];
}

absl::StatusOr<Severity> ParseSeverity(absl::string_view text) {
  const auto found = std::find(kSeverities.begin(), kSeverities.end(), text);
  if (found != kSeverities.end()) return static_cast<Severity>(found - kSeverities.begin());
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is no severity: write info, warn or crit"));
}

std::string WantedText(const Rule& rule) {
  if (rule.absent) return "not on this kernel";
  if (rule.equals) {
    return absl::StrCat(rule.never_lower ? "at least " : "", *rule.equals);
  }
  if (!rule.one_of.empty()) return absl::StrCat("one of ", absl::StrJoin(rule.one_of, ", "));
  return absl::StrJoin(rule.elements, " ", [](std::string* out, const Bounds& bounds) {
    absl::StrAppend(out, BoundsText(bounds));
  });
}

std::vector<std::string> BuiltInProfiles() {
  std::vector<std::string> names;
  for (const ProfileFile& file : ProfileFiles()) names.emplace_back(file.name);
  return names;
}

absl::StatusOr<Profile> LoadProfile(const std::string& name_or_path) {
  for (const ProfileFile& file : ProfileFiles()) {
    if (file.name == name_or_path) return ParseProfile(name_or_path, file.yaml);
  }
  absl::StatusOr<std::string> text = sys::ReadFile(name_or_path, kMostProfileBytes);
  if (absl::IsResourceExhausted(text.status())) {
    return absl::InvalidArgumentError(absl::StrCat(
        name_or_path, ":1: the file is too long, at most ", kMostProfileBytes, " bytes"));
  }
  if (absl::IsNotFound(text.status()) && !absl::StrContains(name_or_path, "/")) {
    const std::string suggestion = base::DidYouMean(name_or_path, BuiltInProfiles());
    return absl::InvalidArgumentError(absl::StrCat(
        "no profile '", name_or_path, "'",
        suggestion.empty() ? absl::StrCat(": there are ", absl::StrJoin(BuiltInProfiles(), ", "),
                                          ", or give a file")
                           : suggestion));
  }
  TF_RETURN_IF_ERROR(text.status());
  const bool is_yaml =
      absl::EndsWith(name_or_path, ".yaml") || absl::EndsWith(name_or_path, ".yml");
  return is_yaml ? ParseProfile(name_or_path, *text) : ParseSysctlFile(name_or_path, *text);
}

absl::StatusOr<Profile> ParseSysctlFile(const std::string& path, absl::string_view text) {
  TF_RETURN_IF_ERROR(CheckProfileText(path, text));
  Profile profile{.name = path, .description = "values of a sysctl.d file", .rules = {}};
  // Read as `sysctl -p` does: every line in its order.
  const sysctl::ConfigFile file{.path = "/etc/sysctl.d/profile.conf", .text = std::string(text)};
  const sysctl::Persisted persisted(sysctl::Applier::kProcps, {&file, 1});
  const auto wrong = [&](uint32_t line, absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":", line, ": ", what));
  };
  if (!persisted.problems().empty()) {
    return wrong(persisted.problems().front().line, persisted.problems().front().what);
  }
  std::map<std::string, const Rule*> by_key;
  const auto assignments = persisted.Assignments();
  if (assignments.size() > kMostRules) {
    return wrong(1, absl::StrCat("more than ", kMostRules, " values"));
  }
  profile.rules.reserve(assignments.size());
  for (const auto& [name, setting] : assignments) {
    absl::StatusOr<Rule> rule = ToRule(name, setting);
    if (!rule.ok()) return wrong(setting.line, rule.status().message());
    rule->reason = absl::StrCat("set by ", path, ":", setting.line);
    const auto [earlier, is_new] = by_key.try_emplace(rule->key);
    if (is_new) {
      earlier->second = &profile.rules.emplace_back(*std::move(rule));
    } else if (earlier->second->equals != rule->equals) {
      return wrong(setting.line,
                   absl::StrCat(sysctl::DottedKey(rule->key), " has another value in line ",
                                earlier->second->line));
    }
  }
  return profile;
}

}  // namespace tcpfleet::controller
