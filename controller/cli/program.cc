#include "controller/cli/program.h"

#include <absl/strings/match.h>

#include <exception>

#include "common/base/status_macros.h"
#include "controller/cli/command_line.h"
#include "controller/cli/text.h"

namespace tcpfleet::controller {
namespace {

void Complain(std::ostream& err, const absl::Status& status) {
  const absl::string_view message = status.message();
  const size_t newline = message.find('\n');
  err << "tcpfleet: " << Printable(message.substr(0, newline)) << '\n';
  if (newline != absl::string_view::npos) err << Printable(message.substr(newline + 1)) << '\n';
}

// Source: XDG Base Directory Specification.
std::string CacheDirectory(const Environment& environment) {
  const std::string given = environment("XDG_CACHE_HOME").value_or("");
  if (absl::StartsWith(given, "/")) return given + "/tcpfleet";
  const std::string home = environment("HOME").value_or("");
  return home.empty() ? "" : home + "/.cache/tcpfleet";
}

absl::StatusOr<ExitCode> RunCommand(CommandLine::Parsed& parsed, ProgramWorld& world) {
  TF_ASSIGN_OR_RETURN(GlobalOptions options, LoadDefaults(world.environment));
  TF_RETURN_IF_ERROR(ApplySettings(parsed.settings, options));
  CommandContext context{
      .out = world.out,
      .err = world.err,
      .clock = world.clock,
      .options = options,
      .out_is_terminal = world.out_is_terminal,
      .err_is_terminal = world.err_is_terminal,
      .out_color = UseColor(options.color, world.out_is_terminal, world.environment),
      .err_color = UseColor(options.color, world.err_is_terminal, world.environment),
      .terminal_columns = world.terminal_columns,
      .cache_directory = CacheDirectory(world.environment),
      .interrupt = &world.interrupt,
      .fleet_source = [&] { return world.open_fleet(options, world.err); },
  };
  return parsed.command->Run(context);
}

absl::StatusOr<ExitCode> Run(absl::Span<const std::string> arguments,
                             absl::Span<const CommandEntry> commands, ProgramWorld& world) {
  CommandLine line(commands);
  TF_ASSIGN_OR_RETURN(CommandLine::Parsed parsed, line.Parse(arguments));
  if (!parsed.text.empty()) {
    world.out << parsed.text;
    return kOk;
  }
  if (parsed.command == nullptr) {
    world.err << line.Help();
    return kUsage;
  }
  return RunCommand(parsed, world);
}

}  // namespace

ExitCode RunProgram(absl::Span<const std::string> arguments,
                    absl::Span<const CommandEntry> commands, ProgramWorld& world) {
  absl::StatusOr<ExitCode> exit_code = kOk;
  try {
    exit_code = Run(arguments, commands, world);
  } catch (const std::exception& error) {  // of a library, or no memory
    exit_code = absl::InternalError(error.what());
  }
  world.out.flush();
  if (exit_code.ok()) return *exit_code;
  Complain(world.err, exit_code.status());
  return ExitCodeOf(exit_code.status());
}

}  // namespace tcpfleet::controller
