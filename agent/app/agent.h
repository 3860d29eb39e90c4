// The running agent: services, server, and the order in which they start and stop.
//
// Threads: Start, Stop and the destructor from one thread.
// Owns:    everything below it.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "agent/app/options.h"

namespace tcpfleet::agent {

class Agent {
 public:
  static absl::StatusOr<std::unique_ptr<Agent>> Start(const AgentOptions& options);
  ~Agent();

  // Where it listens, with the ports that were picked.
  const std::vector<std::string>& addresses() const;

  // Ends runs and streams with a word to their callers, then the server. Idempotent.
  void Stop();

 private:
  struct Parts;
  explicit Agent(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

// Runs the agent of this command line until a signal, or the end of stdin where asked for. The exit
// code.
int RunAgentMain(int argc, char** argv);

}  // namespace tcpfleet::agent
