// Runs one command on fake agents, without a process.
#pragma once

#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "controller/cli/program.h"
#include "controller/commands/command_table.h"
#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::controller {

struct CommandRun {
  ExitCode exit_code = kOk;
  std::string out;
  std::string err;
};

// `fleet` is used up.
inline CommandRun RunOn(FakeFleet& fleet, const std::vector<std::string>& words,
                        int terminal_columns = 0) {
  std::ostringstream out;
  std::ostringstream err;
  FakeClock clock;
  Interrupt interrupt;
  ProgramWorld world{
      .out = out,
      .err = err,
      .clock = clock,
      .interrupt = interrupt,
      .environment = [](const std::string&) { return std::nullopt; },
      .open_fleet = [&](const GlobalOptions&, std::ostream&) { return std::move(fleet.fleet); },
      .out_is_terminal = terminal_columns > 0,
      .err_is_terminal = false,
      .terminal_columns = terminal_columns,
  };
  const ExitCode exit_code = RunProgram(words, Commands(), world);
  return {exit_code, out.str(), err.str()};
}

}  // namespace tcpfleet::controller
