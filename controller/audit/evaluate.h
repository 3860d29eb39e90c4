// One rule against one host. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/audit/host_facts.h"
#include "controller/audit/profile.h"
#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::controller {

enum class RuleState { kRight, kWrong, kNotApplicable, kUnknown };
const char* RuleStateName(RuleState state);

struct Judgement {
  RuleState state = RuleState::kUnknown;
  std::vector<std::string> notes;
  std::optional<std::string> value;  // in force, canonical
  // What the next boot makes of it; absent when no file sets the key.
  std::optional<RuleState> after_boot;
  std::optional<std::string> value_after_boot;
  std::string set_by;  // "FILE:LINE"
  // By the value that is wanted, or by the one that the rule corrects.
  bool would_lower = false;
  // Wrong, and servers keep the old value until they listen again.
  bool needs_restart = false;
};

// `sysctl` is null when the host does not have the key.
Judgement Judge(const Rule& rule, const HostFacts& host, const v1::Sysctl* sysctl);

// Whether a value, canonical, is what the rule wants.
bool IsWanted(const Rule& rule, const std::string& value);

}  // namespace tcpfleet::controller
