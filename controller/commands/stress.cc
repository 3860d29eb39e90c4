#include "controller/commands/stress.h"

#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/status_macros.h"
#include "common/sys/terminal.h"
#include "controller/cli/printer.h"
#include "controller/cli/text.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/hello.h"
#include "controller/stress/options.h"
#include "controller/stress/plan.h"
#include "controller/stress/progress.h"
#include "controller/stress/report.h"
#include "controller/stress/report_csv.h"
#include "controller/stress/report_text.h"
#include "controller/stress/run.h"

namespace tcpfleet::controller {
namespace {

// Who answered, with a role, and who did not.
struct Cast {
  RunInput input;
  std::vector<v1::AgentFailure> missing;
  bool server_missing = false;
};

Cast AssembleCast(Fleet& fleet, const StressOptions& options, const Roles& roles,
                  const std::vector<Hello>& hellos) {
  Cast cast;
  cast.input.spec = options.spec;
  cast.input.shares = roles.clients.size();
  const auto members = fleet.members();
  for (size_t i = 0; i < members.size(); ++i) {
    if (!hellos[i].host.ok()) {
      cast.missing.push_back(DescribeFailure(members[i].target, hellos[i].host.status()));
    }
  }
  const auto seat = [&](size_t member) {
    RunSeat added;
    added.target = members[member].target;
    added.client = members[member].client.get();
    added.host = *hellos[member].host;
    added.clock = hellos[member].clock;
    return added;
  };
  for (const ServerRole& server : roles.servers) {
    if (!hellos[server.member].host.ok()) {
      cast.server_missing = true;
      continue;
    }
    RunSeat& added = cast.input.servers.emplace_back(seat(server.member));
    added.data_address = server.data_address;
    added.spec = ServerSpec(options.spec, roles, added.host.limits().max_duration_seconds());
  }
  for (size_t share = 0; share < roles.clients.size(); ++share) {
    if (!hellos[roles.clients[share]].host.ok()) continue;
    cast.input.clients.emplace_back(seat(roles.clients[share])).share = share;
  }
  return cast;
}

TerminalSize TerminalSizeNow(const CommandContext& context) {
  TerminalSize size{.columns = context.terminal_columns};
  if (const int columns = sys::TerminalColumns(STDERR_FILENO); columns > 0) size.columns = columns;
  if (const int lines = sys::TerminalLines(STDERR_FILENO); lines > 0) size.lines = lines;
  return size;
}

RunOutcome Perform(RunInput input, CommandContext& context) {
  RunProgress::Options shown;
  shown.has_responses = input.spec.workload() == v1::StressSpec::WORKLOAD_CRR ||
                        input.spec.workload() == v1::StressSpec::WORKLOAD_RR;
  if (context.err_is_terminal) shown.terminal_size = [&] { return TerminalSizeNow(context); };
  if (context.options.output == OutputFormat::kJsonl) shown.jsonl = &context.out;
  RunProgress progress(context.err, shown);
  QueueInbox inbox;
  StressRun run(std::move(input), context.clock, inbox, &progress);
  return run.Run(context.interrupt->token());
}

absl::Status PrintAs(const v1::StressReport& report, CommandContext& context) {
  switch (context.options.output) {
    case OutputFormat::kTable:
      PrintReport(context.out, report, context.out_is_terminal ? context.terminal_columns : 0,
                  context.out_color);
      return absl::OkStatus();
    case OutputFormat::kJson:
      return WriteJson(context.out, report);
    case OutputFormat::kJsonl:
      return WriteJsonl(context.out, report);
    case OutputFormat::kCsv:
      WriteCsv(context.out, StressCsvHeader(), StressCsvRows(report));
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

// With the table all of it is on stdout.
void Talk(const v1::StressReport& report, CommandContext& context) {
  if (context.options.output == OutputFormat::kTable) return;
  const std::vector<v1::AgentFailure> failures(report.failures().begin(), report.failures().end());
  for (const std::string& line : FailureLines(failures)) context.err << Printable(line) << "\n";
  context.err << report.verdict() << ": " << Printable(report.verdict_reason()) << "\n";
}

class StressCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override;
  absl::StatusOr<ExitCode> Run(CommandContext& context) override;

 private:
  StressArguments arguments_;
};

void StressCommand::AddOptions(CLI::App& app) {
  app.add_option("workload", arguments_.workload,
                 "connect: open and close; crr: open, request, response, close; rr: requests over "
                 "kept connections; hold: open and keep")
      ->type_name("WORKLOAD")
      ->required();
  for (const StressArgument& argument : StressArgumentTable()) {
    const auto add = [&](auto member) {
      const std::string flag = absl::StrCat("--", argument.name);
      app.add_option(flag, arguments_.*member, std::string(argument.help))
          ->type_name(std::string(argument.type))
          ->allow_extra_args(false);
    };
    std::visit(add, argument.value);
  }
}

absl::StatusOr<ExitCode> StressCommand::Run(CommandContext& context) {
  TF_ASSIGN_OR_RETURN(const StressOptions options, ParseStressOptions(arguments_));
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
  const std::vector<Hello> hellos = SayHello(*fleet, context.clock, context.interrupt->token());
  std::vector<AgentTarget> agents;
  for (const FleetMember& member : fleet->members()) agents.push_back(member.target);
  std::vector<std::string> own_names;
  for (const Hello& hello : hellos) {
    own_names.push_back(hello.host.ok() ? hello.host->name() : std::string());
  }
  const absl::StatusOr<Roles> roles = AssignRoles(agents, own_names, options);
  if (!roles.ok()) {
    // Names of agents that were not asked any more are not mistakes.
    return context.interrupt->requested() ? absl::CancelledError("interrupted") : roles.status();
  }

  Cast cast = AssembleCast(*fleet, options, *roles, hellos);
  RunOutcome outcome;
  outcome.start_time = context.clock.Now();
  if (context.interrupt->requested()) {
    outcome.end = RunEnd::kInterrupted;
  } else if (cast.server_missing) {
    outcome.end = RunEnd::kServerMissing;
  } else if (cast.input.clients.empty()) {
    outcome.end = RunEnd::kNoClient;
  } else {
    outcome = Perform(std::move(cast.input), context);
  }
  const v1::StressReport report = BuildReport(options, outcome, cast.missing);
  TF_RETURN_IF_ERROR(PrintAs(report, context));
  Talk(report, context);
  return JudgeRun(outcome, report).exit_code;
}

}  // namespace

std::unique_ptr<Command> MakeStressCommand() { return std::make_unique<StressCommand>(); }

}  // namespace tcpfleet::controller
