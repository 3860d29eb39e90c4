// Why a path fails or is slow, most likely: a pure function of its tries and of what was observed
// on the hosts at both of its ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "controller/diagnose/host_observation.h"
#include "tcpfleet/v1/probe.pb.h"

namespace tcpfleet::controller {

// Who has the address that was tried.
struct ProbedHost {
  // Hosts of the fleet; empty: none is known to.
  std::vector<std::string> names;
  // The agent that tried is on it.
  bool is_own = false;
  // Of the only one, from before the tries to after them; null: not observed.
  const HostObservation* observed = nullptr;
  // Why it was not, in one line.
  std::string unobserved;
  // Because its agent did not answer.
  bool is_silent = false;
};

struct ProbeEvidence {
  const v1::ProbePath& path;
  uint32_t port = 0;
  uint32_t connect_timeout_ms = 0;
  ProbedHost target;
  // The host of the agent that tried; null: not observed.
  const HostObservation* own = nullptr;
  // Other agents that got through to the address; where this one resolved none, those that did.
  size_t others_connected = 0;
  // Other addresses of the name that this agent got through to.
  size_t siblings_connected = 0;
};

struct ProbeVerdict {
  std::string cause;  // empty: nothing to explain
  // Seen on the target's own host or certain by itself; else one of several that look alike.
  bool is_certain = false;
  std::vector<std::string> fixes;  // most useful first
};

// The outcome that most of the failed tries had decides; without one, what is slow about the path.
ProbeVerdict JudgePath(const ProbeEvidence& evidence);

}  // namespace tcpfleet::controller
