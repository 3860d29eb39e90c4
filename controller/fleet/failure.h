// From the status of a call to what a person reads about an agent that did not do its part.
#pragma once

#include <absl/status/status.h>
#include <absl/types/span.h>

#include <string>
#include <vector>

#include "controller/fleet/agent_target.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

enum class CallPhase {
  kFirstAnswer,  // the agent has said nothing yet in this call
  kUnderWay,     // it had answered before: a broken connection means that it died
};

// Kind: unreachable, refused (by the agent's policy or limits), silent (deadline), incompatible (no
//       tcpfleet agent, or another version), died, failed (all else). The cause is one line.
v1::AgentFailure DescribeFailure(const AgentTarget& target, const absl::Status& status,
                                 CallPhase phase = CallPhase::kFirstAnswer);

// One line per cause, agents folded: "web[01-40] (40): unreachable: connection refused ...".
std::vector<std::string> FailureLines(absl::Span<const v1::AgentFailure> failures);

}  // namespace tcpfleet::controller
