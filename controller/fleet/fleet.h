// The agents of one command and their clients.
//
// Owns:    the clients, and the private agent when there is one; the clients go first.
// Threads: not thread-safe; the clients in it are.
// Errors:  InvalidArgument (no agents, malformed address, unusable TLS files).
// Bounds:  kMostAgents agents.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "common/rpc/tls.h"
#include "controller/fleet/agent_client.h"
#include "controller/fleet/agent_target.h"
#include "controller/fleet/local_agent.h"

namespace tcpfleet::controller {

inline constexpr size_t kMostAgents = 10'000;

struct FleetMember {
  AgentTarget target;
  std::unique_ptr<AgentClient> client;
};

struct FleetOptions {
  std::vector<AgentTarget> agents;
  rpc::TlsFiles tls;
  absl::Duration timeout = absl::Seconds(5);  // of one unary call
  int parallel = 128;                         // agents called at once
  std::unique_ptr<LocalAgent> local_agent;    // kept alive as long as the fleet
};

class Fleet {
 public:
  // Makes a gRPC client for every agent; nothing is connected yet.
  static absl::StatusOr<std::unique_ptr<Fleet>> Open(FleetOptions options);

  // A fleet of clients made elsewhere; `options.agents` is not read.
  Fleet(std::vector<FleetMember> members, FleetOptions options);

  absl::Span<FleetMember> members() { return absl::MakeSpan(members_); }
  size_t size() const { return members_.size(); }
  absl::Duration timeout() const { return options_.timeout; }
  int parallel() const { return options_.parallel; }

 private:
  FleetOptions options_;
  std::vector<FleetMember> members_;
};

}  // namespace tcpfleet::controller
