#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "common/base/clock.h"
#include "controller/cli/global_options.h"
#include "controller/cli/interrupt.h"
#include "controller/fleet/fleet.h"

namespace tcpfleet::controller {

// All a command gets from outside, so that a test runs it without a process.
struct CommandContext {
  std::ostream& out;  // data
  std::ostream& err;  // talk and progress
  base::Clock& clock;
  const GlobalOptions& options;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool out_color = false;
  bool err_color = false;
  int terminal_columns = 80;
  // Where what can be asked for again is kept; empty: nowhere.
  std::string cache_directory = {};
  Interrupt* interrupt = nullptr;  // never null in a running command
  std::function<absl::StatusOr<std::unique_ptr<Fleet>>()> fleet_source;

  // The agents the options name; starts the private agent when they name none.
  absl::StatusOr<std::unique_ptr<Fleet>> OpenFleet() { return fleet_source(); }
};

}  // namespace tcpfleet::controller
