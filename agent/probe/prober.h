// A probe from its resolution to its last answer.
#pragma once

#include <absl/status/status.h>

#include "agent/load/limits.h"
#include "agent/probe/interruptible_wait.h"
#include "agent/probe/probe_plan.h"
#include "tcpfleet/v1/probe.pb.h"

namespace tcpfleet::agent {

// Where the answers of a probe go. Called by its thread only.
class ProbeSink {
 public:
  virtual ~ProbeSink() = default;
  // Nothing waits to be written.
  virtual bool Ready() = 0;
  virtual void Send(v1::ProbeResponse response) = 0;
  // The last call, exactly once.
  virtual void Done(absl::Status status) = 0;
};

// Blocks until the probe is over; the resolver alone cannot be interrupted. Does not call Done.
//
// Errors: PermissionDenied for an address the limits do not allow, InvalidArgument when so many
//         addresses may take too long, Cancelled when interrupted, ResourceExhausted when the sink
//         takes nothing for 30 s.
absl::Status RunProbe(const ProbePlan& plan, const AgentLoadLimits& limits, InterruptibleWait& wait,
                      ProbeSink& sink);

}  // namespace tcpfleet::agent
