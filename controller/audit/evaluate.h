// One rule against one host. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/audit/profile.h"
#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::controller {

// What conditions ask about.
struct HostFacts {
  std::string kernel;         // uname release
  uint64_t memory_bytes = 0;  // 0: not known
  std::map<std::string, std::string> labels;
};

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
};

// `sysctl` is null when the host does not have the key.
Judgement Judge(const Rule& rule, const HostFacts& host, const v1::Sysctl* sysctl);

// Whether a value, canonical, is what the rule wants.
bool IsWanted(const Rule& rule, const std::string& value);

}  // namespace tcpfleet::controller
