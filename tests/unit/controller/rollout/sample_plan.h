#pragma once

#include <string>
#include <vector>

#include "controller/rollout/plan_file.h"

namespace tcpfleet::controller {

// One change for each of a1, a2, ...; made at the time FakeClock tells.
inline v1::SysctlPlan SamplePlan(size_t hosts) {
  v1::SysctlPlan plan;
  plan.mutable_created_at()->set_seconds(1'700'000'000);
  plan.set_author("ann@console");
  plan.set_persist(true);
  for (size_t i = 1; i <= hosts; ++i) {
    v1::PlannedHost& host = *plan.add_hosts();
    host.set_name("a" + std::to_string(i));
    host.set_address(host.name() + ":7117");
    host.mutable_set()->set_boot_id("boot");
    v1::SysctlChange& change = *host.mutable_set()->add_changes();
    change.set_key("net/core/somaxconn");
    change.set_old_value("128");
    change.set_new_value("4096");
    host.add_notes()->set_key(change.key());
  }
  SealPlan(plan);
  return plan;
}

}  // namespace tcpfleet::controller
