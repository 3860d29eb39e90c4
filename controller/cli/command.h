#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <memory>

#include "controller/cli/command_context.h"
#include "controller/cli/exit_code.h"

namespace CLI {
class App;
}

namespace tcpfleet::controller {

class Command {
 public:
  virtual ~Command() = default;
  // Binds options to members of this object, which outlives `app`. Values are checked here (see
  // option_types.h), so that a wrong one never reaches an agent.
  virtual void AddOptions(CLI::App& app) = 0;
  // Runs once, after the options were parsed. A status is for work that could not be done at all:
  // it becomes one line on stderr and the exit code of ExitCodeOf().
  virtual absl::StatusOr<ExitCode> Run(CommandContext& context) = 0;
};

struct CommandEntry {
  absl::string_view name;
  absl::string_view summary;  // one line of `tcpfleet help`
  std::unique_ptr<Command> (*make)();
};

}  // namespace tcpfleet::controller
