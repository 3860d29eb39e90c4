#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "controller/cli/command_context.h"
#include "controller/tui/console.h"
#include "controller/tui/console_model.h"
#include "controller/tui/timeline.h"

namespace CLI {
class App;
}

namespace tcpfleet::controller {

// Options that `watch` and `replay` share.
struct ConsoleChoice {
  ConsoleSettings settings;
  bool mouse = false;
};
void AddConsoleOptions(CLI::App& app, ConsoleChoice& choice);

// Whether the console can be shown: people sit at both ends, and want no lines. InvalidArgument for
// an output format that cannot be.
absl::StatusOr<bool> WantsConsole(const CommandContext& context);

// Shows the console until it ends. FailedPrecondition: an unknown terminal.
absl::StatusOr<ConsoleEnd> ShowConsole(CommandContext& context, Timeline& timeline,
                                       const ConsoleChoice& choice,
                                       absl::Duration duration = absl::InfiniteDuration());

}  // namespace tcpfleet::controller
