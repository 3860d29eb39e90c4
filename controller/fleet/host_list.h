// Lists of hosts as people type them:
// "web[01-20].dc1:7117,db1,[2001:db8::1]:7117,unix:/run/a.sock".
//
// A bracket holds numbers and ranges ("[1,3,5-7]"); leading zeros are kept; several brackets
// multiply. An IPv6 address stands in brackets and is no range.
//
// Errors: InvalidArgument with the text and the position, counted from 1.
// Bounds: kMostAgents hosts, checked before anything is expanded.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <cstdint>
#include <string>
#include <vector>

#include "controller/fleet/agent_target.h"

namespace tcpfleet::controller {

inline constexpr uint16_t kAgentPort = 7117;

// The names a list stands for, in order; repeats are kept.
absl::StatusOr<std::vector<std::string>> ExpandHostList(absl::string_view list);

// The address an agent is called at: HOST:PORT (kAgentPort when none is given) or unix:/path.
absl::StatusOr<std::string> AgentAddress(absl::string_view host);

// A list as targets without labels. An agent's name is its host when the port is kAgentPort, else
// its address. InvalidArgument when an address comes twice.
absl::StatusOr<std::vector<AgentTarget>> ParseAgentList(absl::string_view list);

// InvalidArgument when two targets share a name or an address.
absl::Status CheckDistinct(absl::Span<const AgentTarget> targets);

// The shortest list that stands for the names, with their number when there are several:
// "web[01-40],db1 (41)". Folds over one number of each name.
std::string FoldNames(absl::Span<const std::string> names);

}  // namespace tcpfleet::controller
