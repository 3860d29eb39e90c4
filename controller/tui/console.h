// The console: a timeline on a screen, moved by keys.
#pragma once

#include <absl/time/time.h>

#include <stop_token>

#include "common/base/clock.h"
#include "controller/tui/console_model.h"
#include "controller/tui/screen.h"
#include "controller/tui/timeline.h"

namespace tcpfleet::controller {

enum class ConsoleEnd { kQuit, kStopped, kTimeOver, kTerminalGone };

// Draws after a key, and otherwise when something changed: at most every 100 ms, and so seldom that
// drawing takes a fifth of the time at most.
ConsoleEnd RunConsole(Timeline& timeline, ConsoleModel& model, Screen& screen, base::Clock& clock,
                      const std::stop_token& stop,
                      absl::Duration duration = absl::InfiniteDuration());

}  // namespace tcpfleet::controller
