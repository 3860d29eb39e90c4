#include "controller/commands/sysctl_plan.h"

#include <absl/strings/str_join.h>

#include <CLI/CLI.hpp>
#include <set>
#include <string>
#include <vector>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sysctl/key.h"
#include "controller/audit/modules.h"
#include "controller/audit/profile.h"
#include "controller/audit/sysctl_readings.h"
#include "controller/cli/printer.h"
#include "controller/cli/text.h"
#include "controller/commands/failures.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/hello.h"
#include "controller/rollout/author.h"
#include "controller/rollout/plan_file.h"
#include "controller/rollout/plan_text.h"
#include "controller/rollout/planner.h"

namespace tcpfleet::controller {
namespace {

absl::Status PrintAs(const v1::SysctlPlan& plan, CommandContext& context) {
  switch (context.options.output) {
    case OutputFormat::kTable:
      PrintPlan(context.out, plan, context.out_color);
      return absl::OkStatus();
    case OutputFormat::kJson:
      return WriteJson(context.out, plan);
    case OutputFormat::kJsonl:
      for (const v1::PlannedHost& host : plan.hosts()) {
        TF_RETURN_IF_ERROR(WriteJsonl(context.out, host));
      }
      return absl::OkStatus();
    case OutputFormat::kCsv:
      WriteCsv(context.out, PlanCsvHeader(), PlanCsvRows(plan));
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

// Asks every host and plans for those that answered.
v1::SysctlPlan PlanFor(Fleet& fleet, const PlanWish& wish, CommandContext& context) {
  const std::stop_token stop = context.interrupt->token();
  const std::vector<Hello> hellos = SayHello(fleet, context.clock, stop);
  v1::ReadSysctlsRequest request;
  request.set_persisted(true);
  for (std::string& key : KeysOf(wish)) request.add_patterns(std::move(key));
  const std::vector<SysctlReading> readings = ReadSysctls(fleet, request, stop);
  std::vector<v1::AgentFailure> failures;
  std::vector<HostToPlan> hosts;
  for (size_t i = 0; i < readings.size(); ++i) {
    const AgentTarget& target = fleet.members()[i].target;
    const absl::Status status = hellos[i].host.ok() ? readings[i].status : hellos[i].host.status();
    if (!status.ok()) {
      failures.push_back(DescribeFailure(target, status));
      continue;
    }
    const v1::DescribeResponse& host = *hellos[i].host;
    hosts.push_back({{target.name,
                      {.kernel = host.kernel(),
                       .memory_bytes = host.memory_bytes(),
                       .labels = target.labels,
                       .modules = LoadedModules(readings[i].sysctls)},
                      &readings[i]},
                     target.address,
                     host.boot_id(),
                     host.network_namespace()});
  }
  v1::SysctlPlan plan = MakePlan(wish, hosts);
  *plan.mutable_failures() = {failures.begin(), failures.end()};
  return plan;
}

class SysctlPlanCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.add_option("--set", sets_,
                   "a parameter, or a pattern of them, and its value, which also goes below that "
                   "of --profile; may be repeated")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false);
    app.add_option("--profile", profile_,
                   "what is wanted, the smallest change that makes it so: " +
                       absl::StrJoin(BuiltInProfiles(), ", ") + ", or a file as for audit")
        ->type_name("NAME|FILE");
    app.add_flag("--runtime-only", runtime_only_, "until the next boot: write no file on hosts");
    app.add_option("--reason", reason_, "why, for the logs of the hosts")->type_name("TEXT");
    app.add_option("--save", save_, "write the plan, for 'tcpfleet sysctl apply'")
        ->type_name("FILE");
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    TF_ASSIGN_OR_RETURN(const PlanWish wish, Wish(context));
    TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
    const v1::SysctlPlan plan = PlanFor(*fleet, wish, context);
    TF_RETURN_IF_ERROR(CheckPlan(plan));
    TF_RETURN_IF_ERROR(PrintAs(plan, context));
    const ExitCode code = ConcludeFanOut(context, fleet->size(), plan.failures());
    if (context.interrupt->requested()) return code;
    if (!save_.empty()) {
      TF_RETURN_IF_ERROR(base::WithContext("--save", SaveSysctlPlan(plan, save_)));
      context.err << "wrote " << Printable(save_) << "\n";
    }
    return code == kOk && plan.obstacles_size() > 0 ? kRefused : code;
  }

 private:
  absl::StatusOr<PlanWish> Wish(CommandContext& context) const {
    PlanWish wish;
    if (sets_.empty() && profile_.empty()) {
      return absl::InvalidArgumentError("say what is wanted: --set KEY=VALUE or --profile NAME");
    }
    if (!profile_.empty()) {
      TF_ASSIGN_OR_RETURN(wish.profile, LoadProfile(profile_));
    }
    std::set<std::string> keys;
    for (const std::string& set : sets_) {
      absl::StatusOr<Rule> rule = ParseExactRule(set);
      if (!rule.ok()) return base::WithContext("--set", rule.status());
      if (!keys.insert(rule->key).second) {
        return absl::InvalidArgumentError("--set: " + sysctl::DottedKey(rule->key) +
                                          " is given more than once");
      }
      wish.exact.push_back(*std::move(rule));
    }
    wish.persist = !runtime_only_;
    wish.author = Author();
    wish.reason = reason_;
    wish.now = context.clock.Now();
    return wish;
  }

  std::vector<std::string> sets_;
  std::string profile_;
  std::string reason_;
  std::string save_;
  bool runtime_only_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeSysctlPlanCommand() { return std::make_unique<SysctlPlanCommand>(); }

}  // namespace tcpfleet::controller
