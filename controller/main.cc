#include <iostream>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/sys/signals.h"
#include "common/sys/terminal.h"
#include "controller/cli/fd_stream.h"
#include "controller/cli/open_fleet.h"
#include "controller/cli/program.h"
#include "controller/commands/command_table.h"

namespace tcpfleet::controller {
namespace {

constexpr int kStdout = 1;
constexpr int kStderr = 2;

int Fail(const absl::Status& status) {
  std::cerr << "tcpfleet: " << status.message() << '\n';
  return kAborted;
}

int Main(const std::vector<std::string>& arguments) {
  if (const absl::Status blocked = sys::BlockTerminationSignals(); !blocked.ok()) {
    return Fail(blocked);
  }
  Interrupt interrupt;
  const auto watcher = SignalWatcher::Start(interrupt);
  if (!watcher.ok()) return Fail(watcher.status());

  FdStreamBuf buffer(kStdout);
  std::ostream out(&buffer);
  base::SystemClock clock;
  const int columns = sys::TerminalColumns(sys::IsTerminal(kStdout) ? kStdout : kStderr);
  ProgramWorld world{
      .out = out,
      .err = std::cerr,
      .clock = clock,
      .interrupt = interrupt,
      .environment = ProcessEnvironment(),
      .open_fleet = &OpenFleet,
      .out_is_terminal = sys::IsTerminal(kStdout),
      .err_is_terminal = sys::IsTerminal(kStderr),
      .terminal_columns = columns > 0 ? columns : 80,
  };
  const ExitCode exit_code = RunProgram(arguments, Commands(), world);
  // A reader that has seen enough (`| head`) is no failure.
  if (buffer.status().ok() || absl::IsFailedPrecondition(buffer.status())) return exit_code;
  return Fail(buffer.status());
}

}  // namespace
}  // namespace tcpfleet::controller

int main(int argc, char** argv) {
  return tcpfleet::controller::Main(std::vector<std::string>(argv + 1, argv + argc));
}
