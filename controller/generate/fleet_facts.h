// What a configuration needs to know of the fleet.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/filter/filter.h"
#include "controller/fleet/fleet.h"
#include "controller/generate/backend.h"
#include "controller/generate/proxy_plan.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

struct FoundBackends {
  std::vector<Backend> backends;
  // Listeners that match and cannot be used: which, and why.
  std::vector<std::string> left_out;
  std::vector<v1::AgentFailure> failures;
};

// The listeners that `filter` matches, in the order of the fleet, and how long the connections to
// them have been idle. One on every address is called by the name or address of its agent.
// InvalidArgument for more ports than a filter can ask for.
absl::StatusOr<FoundBackends> FindBackends(Fleet& fleet, const filter::Filter& filter,
                                           const std::stop_token& stop);

struct MeasuredProxies {
  std::vector<ProxyHost> hosts;
  std::vector<v1::AgentFailure> failures;
};

// Limits of those members that `names` names. InvalidArgument for a name the fleet does not have.
absl::StatusOr<MeasuredProxies> MeasureProxies(Fleet& fleet, absl::Span<const std::string> names,
                                               base::Clock& clock, const std::stop_token& stop);

}  // namespace tcpfleet::controller
