// The private agent: a tcpfleet-agent child on a Unix socket in a directory only we can enter.
//
// It ends when we end, however we end: it watches its standard input, whose other end we hold.
//
// It may change the kernel parameters that agents change by default, and keeps what it needs to
// revert them in $XDG_STATE_HOME/tcpfleet or ~/.local/state/tcpfleet.
//
// Owns:    the process, the pipe, the directory. The destructor ends the agent and reaps it.
// Errors:  NotFound (no agent program), Unavailable (it ended or did not get ready; with what it
//          wrote to stderr).
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <memory>
#include <string>

#include "common/sys/child_process.h"
#include "common/sys/file.h"
#include "common/sys/unique_fd.h"
#include "controller/fleet/agent_target.h"

namespace tcpfleet::controller {

// $TCPFLEET_AGENT, else tcpfleet-agent beside this program, else in ../libexec/tcpfleet, else the
// bare name for a look-up in PATH.
std::string FindAgentProgram();

class LocalAgent {
 public:
  static constexpr absl::Duration kStartTimeout = absl::Seconds(10);

  // Returns when the agent accepts calls.
  static absl::StatusOr<std::unique_ptr<LocalAgent>> Start(const std::string& program,
                                                           absl::Duration timeout = kStartTimeout);
  ~LocalAgent();

  AgentTarget target() const;

 private:
  LocalAgent(sys::TemporaryDirectory directory, sys::UniqueFd lifeline, sys::ChildProcess process);

  sys::TemporaryDirectory directory_;
  sys::UniqueFd lifeline_;
  sys::ChildProcess process_;
};

}  // namespace tcpfleet::controller
