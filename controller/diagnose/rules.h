// Every rule there is. A family of rules stands in one .cc file, which gives them as a list.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <map>
#include <string>
#include <vector>

#include "controller/diagnose/rule.h"

namespace tcpfleet::controller {

// Families: accept_queue.cc, connect.cc, ...
std::vector<DiagnosisRule> AcceptQueueRules();
std::vector<DiagnosisRule> ClosingRules();
std::vector<DiagnosisRule> ConnectRules();
std::vector<DiagnosisRule> DeviceRules();
std::vector<DiagnosisRule> HalfOpenRules();
std::vector<DiagnosisRule> PacketRules();
std::vector<DiagnosisRule> PathRules();
std::vector<DiagnosisRule> PoolRules();
std::vector<DiagnosisRule> PortRules();
std::vector<DiagnosisRule> ResetRules();
std::vector<DiagnosisRule> SocketMemoryRules();
std::vector<DiagnosisRule> SynQueueRules();
std::vector<DiagnosisRule> TableRules();
std::vector<DiagnosisRule> WindowRules();

// Ascending by number. The same list every time.
absl::Span<const DiagnosisRule> AllRules();

// By number ("R01", in any case) or id; null when there is none.
const DiagnosisRule* FindRule(absl::string_view number_or_id);

// Which rules to judge by, and with which numbers.
struct RuleSelection {
  std::vector<const DiagnosisRule*> rules;         // ascending by number
  std::map<std::string, RuleParameters> settings;  // by id, of every rule here
};

// All rules, as they come.
RuleSelection DefaultRules();

// Those named; InvalidArgument "no rule 'x', did you mean 'y'?".
absl::StatusOr<RuleSelection> SelectRules(absl::Span<const std::string> numbers_or_ids);

// Changes numbers, and leaves rules out, as a YAML file says:
//   rules:
//     accept-queue-overflow: {crit_per_second: 5}
//     short-connection-churn: off
// InvalidArgument "FILE:LINE: what".
absl::Status ApplyRuleSettings(const std::string& path, absl::string_view yaml,
                               RuleSelection& selection);

}  // namespace tcpfleet::controller
