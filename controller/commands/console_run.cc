#include "controller/commands/console_run.h"

#include <CLI/CLI.hpp>

#include "common/base/status_macros.h"
#include "common/sys/terminal.h"
#include "controller/cli/option_types.h"
#include "controller/tui/terminal.h"

namespace tcpfleet::controller {
namespace {

constexpr int kStdin = 0;

}  // namespace

void AddConsoleOptions(CLI::App& app, ConsoleChoice& choice) {
  ConsoleSettings& settings = choice.settings;
  AddParsed(app, "--sort", "[-]COLUMN", "order at first; '-' for largest first",
            [&settings](absl::string_view text) -> absl::Status {
              TF_ASSIGN_OR_RETURN(settings.order, ParseRowOrder(text));
              return absl::OkStatus();
            });
  AddParsed(app, "--group-by", "COLUMN,...", "fold connections at first, for example host,process",
            [&settings](absl::string_view text) -> absl::Status {
              TF_ASSIGN_OR_RETURN(settings.group_by, ParseColumns(text));
              return absl::OkStatus();
            });
  AddParsed(app, "--fields,--columns", "COLUMN,...", "columns to show, for example host,peer,rtt",
            [&settings](absl::string_view text) -> absl::Status {
              TF_ASSIGN_OR_RETURN(settings.columns, ParseColumns(text));
              return absl::OkStatus();
            });
  app.add_flag("--mouse", choice.mouse, "wheel and clicks move the cursor");
}

absl::StatusOr<bool> WantsConsole(const CommandContext& context) {
  if (context.options.output == OutputFormat::kJson) {
    return absl::InvalidArgumentError(
        "--output json is one document, which this command never ends: use --output jsonl");
  }
  return context.options.output == OutputFormat::kTable && context.out_is_terminal &&
         sys::IsTerminal(kStdin);
}

absl::StatusOr<ConsoleEnd> ShowConsole(CommandContext& context, Timeline& timeline,
                                       const ConsoleChoice& choice, absl::Duration duration) {
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<Screen> screen,
                      OpenTerminal({.color = context.out_color, .mouse = choice.mouse}));
  ConsoleModel model(choice.settings);
  return RunConsole(timeline, model, *screen, context.clock, context.interrupt->token(), duration);
}

}  // namespace tcpfleet::controller
