// One rule: when it fires, as a function, and what it means to a person, as data.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "controller/diagnose/host_observation.h"
#include "tcpfleet/v1/diagnosis.pb.h"

namespace tcpfleet::controller {

enum class FindingSeverity { kInfo, kWarn, kCrit };
absl::string_view FindingSeverityName(FindingSeverity severity);
// InvalidArgument names those there are.
absl::StatusOr<FindingSeverity> ParseFindingSeverity(absl::string_view text);

// A number a rule compares with. Files of rule settings change it by name.
struct RuleParameter {
  absl::string_view name;  // "crit_per_second"
  double value;            // when nobody says otherwise
  absl::string_view unit;  // "1/s", "s", "share", "sockets", ...
  absl::string_view reason;
};

// The parameters of one rule as they are in force.
class RuleParameters {
 public:
  RuleParameters() = default;
  explicit RuleParameters(absl::Span<const RuleParameter> defaults) {
    for (const RuleParameter& one : defaults) values_[std::string(one.name)] = one.value;
  }
  // The rule must have it.
  double operator[](absl::string_view name) const;
  void Set(absl::string_view name, double value) { values_[std::string(name)] = value; }

 private:
  std::map<std::string, double> values_;
};

// What a rule found on one host in one network namespace: nothing is wrong when it is empty. A
// status says why the rule cannot be evaluated there.
using Findings = absl::StatusOr<std::vector<v1::Finding>>;

// What a rule found that looks at all hosts together. Findings name their hosts.
struct FleetFindings {
  std::vector<v1::Finding> findings;
  std::map<std::string, std::string> not_evaluated;  // host to why
};

struct DiagnosisRule {
  absl::string_view number = {};  // "R01"
  absl::string_view id = {};      // "accept-queue-overflow"
  absl::string_view title = {};   // what is wrong, without numbers
  // For a person; each one paragraph without line breaks.
  absl::string_view symptom = {};
  absl::string_view cause = {};
  std::vector<absl::string_view> fixes = {};     // most useful first
  absl::string_view false_positives = {};        // what else looks like this
  absl::string_view kernel = {};                 // versions, defaults, scope
  std::vector<absl::string_view> commands = {};  // to look by hand
  absl::string_view link = {};
  // What programs print: "Cannot assign requested address".
  std::vector<absl::string_view> errors = {};

  // Without any of these it cannot be evaluated: a counter ("TcpExt.ListenOverflows"), a level
  // ("TCP.tw"), a sysctl ("net/core/somaxconn"), or one of
  //   sockets      SocketSummary
  //   connections  SocketSample
  //   softnet, conntrack, files, processes, interfaces, qdiscs, neighbours, host
  std::vector<absl::string_view> needs = {};
  // Counters and sysctls that make a finding say more, and are not needed.
  std::vector<absl::string_view> helps = {};
  // Which connections it has to look at, in the language of common/filter, and their fields. {name}
  // stands for the parameter of that name.
  absl::string_view connections = {};
  std::vector<absl::string_view> fields = {};
  // Parameters in seconds: connections that rest so long are counted for it (SocketGroup.resting).
  std::vector<absl::string_view> rests = {};

  std::vector<RuleParameter> parameters = {};
  // Also asked of namespaces other than the agent's own.
  bool every_namespace = true;
  // One of the two. Pure.
  Findings (*evaluate)(const HostObservation& host, const RuleParameters& parameters) = nullptr;
  FleetFindings (*evaluate_fleet)(absl::Span<const HostObservation> hosts,
                                  const RuleParameters& parameters) = nullptr;
};

}  // namespace tcpfleet::controller
