#include "controller/audit/profile.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>

#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "common/sys/file.h"
#include "common/sysctl/key.h"
#include "common/sysctl/persisted.h"
#include "common/sysctl/value.h"
#include "controller/audit/profile_files.h"

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
  Profile profile{.name = path, .description = "values of a sysctl.d file", .rules = {}};
  // Read as at boot: the last line of a key counts.
  const sysctl::ConfigFile file{.path = "/etc/sysctl.d/profile.conf", .text = std::string(text)};
  const sysctl::Persisted persisted(sysctl::Applier::kSystemd, {&file, 1});
  if (!persisted.problems().empty()) {
    const sysctl::Problem& problem = persisted.problems().front();
    return absl::InvalidArgumentError(absl::StrCat(path, ":", problem.line, ": ", problem.what));
  }
  for (const auto& [name, setting] : persisted.Assignments()) {
    Rule rule;
    const absl::StatusOr<std::string> key = sysctl::ParseKey(name);
    if (!key.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", setting.line, ": ", key.status().message()));
    }
    if (setting.value.empty() || absl::StrContains(setting.value, "#")) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ":", setting.line,
          setting.value.empty() ? ": a value is empty"
                                : ": a comment after the value would become part of it: give it a "
                                  "line of its own"));
    }
    rule.key = *key;
    rule.line = setting.line;
    rule.equals = sysctl::Canonical(rule.key, setting.value);
    rule.reason = absl::StrCat("set by ", path, ":", setting.line);
    profile.rules.push_back(std::move(rule));
  }
  return profile;
}

}  // namespace tcpfleet::controller
