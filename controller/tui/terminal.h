// The terminal of this process as a screen, through ncursesw.
//
// Owns:    the terminal's modes from Open() until destruction, which restores them. Ctrl-C and
//          Ctrl-Z are keys meanwhile. One at a time: ncurses is a global thing.
// Threads: not thread-safe.
// Errors:  FailedPrecondition: a terminal that terminfo does not know.
#pragma once

#include <absl/status/statusor.h>

#include <memory>

#include "controller/tui/screen.h"

namespace tcpfleet::controller {

struct TerminalOptions {
  bool color = true;
  bool mouse = false;  // takes over what terminals use for selecting text
};

absl::StatusOr<std::unique_ptr<Screen>> OpenTerminal(const TerminalOptions& options);

}  // namespace tcpfleet::controller
