#include "controller/diagnose/rule.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>

#include "common/base/check.h"

namespace tcpfleet::controller {
namespace {

constexpr std::array<absl::string_view, 3> kSeverities = {"info", "warn", "crit"};

}  // namespace

absl::string_view FindingSeverityName(FindingSeverity severity) {
  return kSeverities[static_cast<size_t>(severity)];
}

absl::StatusOr<FindingSeverity> ParseFindingSeverity(absl::string_view text) {
  const auto found = std::find(kSeverities.begin(), kSeverities.end(), text);
  if (found != kSeverities.end()) return static_cast<FindingSeverity>(found - kSeverities.begin());
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is no severity: write info, warn or crit"));
}

double RuleParameters::operator[](absl::string_view name) const {
  const auto found = values_.find(std::string(name));
  TF_CHECK(found != values_.end());
  return found->second;
}

}  // namespace tcpfleet::controller
