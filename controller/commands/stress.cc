#include "controller/commands/stress.h"

#include <absl/strings/str_cat.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "controller/campaign/given_options.h"
#include "controller/campaign/plan_file.h"
#include "controller/commands/stress_run.h"

namespace tcpfleet::controller {
namespace {

class StressCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override;
  absl::StatusOr<ExitCode> Run(CommandContext& context) override;

 private:
  struct Given {
    std::string name;
    const CLI::Option* option;
  };

  std::string plan_;
  KeptFiles files_;
  std::vector<Given> given_;
};

void StressCommand::AddOptions(CLI::App& app) {
  const auto add = [&](const std::string& flag, const std::string& name, absl::string_view type,
                       absl::string_view help) {
    CLI::Option* const option = IsFlag(name) ? app.add_flag(flag) : app.add_option(flag);
    option->description(std::string(help));
    if (!IsFlag(name)) option->type_name(std::string(type))->allow_extra_args(false);
    if (IsRepeatable(name)) option->expected(1, CLI::detail::expected_max_vector_size);
    given_.push_back({name, option});
    return option;
  };
  const std::string workload(kWorkloadOption);
  add(workload, workload, "WORKLOAD",
      "connect: open and close; crr: open, request, response, close; rr: requests over kept "
      "connections; hold: open and keep; stream: bytes as fast as they go");
  for (const StressArgument& argument : StressArgumentTable()) {
    add(absl::StrCat("--", argument.name), std::string(argument.name), argument.type,
        argument.help);
  }
  add("--repeat", std::string(kRepeatOption), "N",
      "make the run N times: median and spread of every number; with --ab: pairs [7]");
  add("--find-max", std::string(kFindMaxOption), "EXPR",
      "search the highest --rate that keeps this, for example 'responseLatencyUs.p99<2000' "
      "(repeatable); searching runs last a third of --duration");
  add("--ab", std::string(kAbOption), "'OPTIONS OF A' 'OPTIONS OF B'",
      "compare two sets of options in turn, ABBA, on the same hosts; they add to the others")
      ->expected(1)
      ->type_size(2);  // taken as they are, although they begin with dashes
  app.add_option("--plan", plan_, "YAML with these options as keys; those given here win")
      ->type_name("FILE.yaml");
  files_.AddSaveOption(app);
  files_.AddReportOptions(app, "--report");
}

absl::StatusOr<ExitCode> StressCommand::Run(CommandContext& context) {
  GivenOptions options;
  if (!plan_.empty()) {
    TF_ASSIGN_OR_RETURN(options, ReadPlan(plan_));
  }
  GivenOptions typed;
  for (const auto& [name, option] : given_) {
    if (option->count() == 0) continue;
    TF_RETURN_IF_ERROR(
        typed.Set(name, IsFlag(name) ? std::vector<std::string>{"true"} : option->results()));
  }
  options.ReplaceBy(typed);
  return RunStress(options, files_, nullptr, context);
}

}  // namespace

std::unique_ptr<Command> MakeStressCommand() { return std::make_unique<StressCommand>(); }

}  // namespace tcpfleet::controller
