// From a command line to an exit code.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "common/base/clock.h"
#include "controller/cli/command.h"
#include "controller/cli/environment.h"
#include "controller/cli/global_options.h"
#include "controller/cli/interrupt.h"

namespace tcpfleet::controller {

// The process around a command line.
struct ProgramWorld {
  std::ostream& out;
  std::ostream& err;
  base::Clock& clock;
  Interrupt& interrupt;
  Environment environment;
  std::function<absl::StatusOr<std::unique_ptr<Fleet>>(const GlobalOptions& options,
                                                       std::ostream& err)>
      open_fleet;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  int terminal_columns = 80;
};

// `arguments` without the program's name. Throws nothing.
ExitCode RunProgram(absl::Span<const std::string> arguments,
                    absl::Span<const CommandEntry> commands, ProgramWorld& world);

}  // namespace tcpfleet::controller
