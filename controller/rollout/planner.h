// From what hosts say and what is wanted of them to the exact changes of each. Pure.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <string>
#include <vector>

#include "controller/audit/audit.h"
#include "controller/audit/profile.h"
#include "tcpfleet/v1/tuning.pb.h"

namespace tcpfleet::controller {

struct PlanWish {
  Profile profile;          // may have no rules
  std::vector<Rule> exact;  // of a key that both name these count; the last, where several do
  bool persist = true;
  std::string author;
  std::string reason;
  absl::Time now;
};

struct HostToPlan {
  AuditedHost host;
  std::string address;
  std::string boot_id;
  uint64_t network_namespace = 0;
};

// "net.core.somaxconn=4096"; a pattern stands for every key it matches. InvalidArgument also for
// what the kernel would read otherwise than it looks: octal numbers, comments.
absl::StatusOr<Rule> ParseExactRule(absl::string_view text);

// The keys and patterns to ask hosts for.
std::vector<std::string> KeysOf(const PlanWish& wish);

// A sealed plan without failures. A host that cannot be made as wanted in some way has obstacles
// and no changes. Where what boots set is right and what is in force is not, the plan takes what
// boots set; without that, the nearest value that is right.
v1::SysctlPlan MakePlan(const PlanWish& wish, absl::Span<const HostToPlan> hosts);

}  // namespace tcpfleet::controller
