// What an agent is told on its command line and in its configuration file. The command line wins.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/load/limits.h"
#include "common/observe/log.h"
#include "common/rpc/server_host.h"

namespace tcpfleet::agent {

struct AgentOptions {
  std::string name;
  rpc::ServerHost::Options server;
  // No address was given: loopback, and the Unix socket if its directory can be had.
  bool default_listen = false;
  AgentLoadLimits limits;
  // Kernel parameters that may be changed, in path form; may have patterns. Empty: none.
  std::vector<std::string> allowed_sysctls;
  std::string state_directory = "/var/lib/tcpfleet";
  std::string sysctl_file = "/etc/sysctl.d/95-tcpfleet.conf";
  observe::LogOptions log;
  // Stop when stdin reaches its end: the program that started this agent is gone.
  bool exit_on_stdin_close = false;
};

// What to do: run with options, or print a text and leave.
struct ParsedCommandLine {
  std::optional<AgentOptions> options;
  std::string text;  // of --help or --version
};

// InvalidArgument with one line that names the flag, or file and line of the setting.
absl::StatusOr<ParsedCommandLine> ParseAgentCommandLine(absl::Span<const std::string> arguments);

}  // namespace tcpfleet::agent
