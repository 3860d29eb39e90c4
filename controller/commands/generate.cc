#include "controller/commands/generate.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "controller/audit/audit.h"
#include "controller/audit/hosts.h"
#include "controller/cli/option_types.h"
#include "controller/cli/text.h"
#include "controller/commands/failures.h"
#include "controller/connections/filter_words.h"
#include "controller/fleet/host_list.h"
#include "controller/generate/backend.h"
#include "controller/generate/fleet_facts.h"
#include "controller/generate/proxy_plan.h"
#include "controller/generate/sysctl_file.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::Duration kLeastKeepalive = absl::Seconds(2);
constexpr absl::Duration kMostKeepalive = absl::Hours(24);

class GenerateCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.require_subcommand(1);
    haproxy_ = app.add_subcommand("haproxy", "a proxy that keeps connections open on both sides");
    nginx_ = app.add_subcommand("nginx", "the same for nginx");
    for (CLI::App* proxy : {haproxy_, nginx_}) AddProxyOptions(*proxy);
    CLI::App* sysctl = app.add_subcommand("sysctl", "a profile as a sysctl.d file for these hosts");
    sysctl
        ->add_option("--profile", profile_,
                     absl::StrCat("what is wanted: ", absl::StrJoin(BuiltInProfiles(), ", "),
                                  ", or a file [production]"))
        ->type_name("NAME|FILE");
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    if (context.options.output != OutputFormat::kTable) {
      return absl::InvalidArgumentError("--output: a configuration is printed as it is");
    }
    if (haproxy_->parsed()) return WriteProxy(&HaproxyConfig, context);
    if (nginx_->parsed()) return WriteProxy(&NginxConfig, context);
    return WriteSysctls(context);
  }

 private:
  void AddProxyOptions(CLI::App& app) {
    AddParsed(app, "--backends", "HOST:PORT,...", "the servers, for example web[1-3]:8080",
              [this](absl::string_view text) -> absl::Status {
                TF_ASSIGN_OR_RETURN(backends_, ParseBackends(text));
                return absl::OkStatus();
              });
    app.add_option("--from-fleet", from_fleet_,
                   "listeners of the fleet that match, for example 'sport = :8080'")
        ->type_name("FILTER");
    AddParsed(app, "--listen", "[ADDRESS]:PORT", "where clients connect [:80]",
              [this](absl::string_view text) -> absl::Status {
                TF_ASSIGN_OR_RETURN(listen_, ParseListen(text));
                return absl::OkStatus();
              });
    AddParsed(app, "--proxies", "HOST,...",
              "hosts of the fleet the proxy will run on: their limits are measured",
              [this](absl::string_view text) -> absl::Status {
                TF_ASSIGN_OR_RETURN(proxies_, ExpandHostList(text));
                return absl::OkStatus();
              });
    AddDuration(app, "--backend-keepalive", backend_keepalive_, kLeastKeepalive, kMostKeepalive,
                "how long back ends keep idle connections [measured, else 5s]");
    AddParsed(app, "--check", "PATH", "what back ends are asked to see whether they work",
              [this](absl::string_view text) -> absl::Status {
                TF_RETURN_IF_ERROR(CheckPath(text));
                check_path_ = std::string(text);
                return absl::OkStatus();
              });
  }

  absl::StatusOr<ExitCode> WriteProxy(std::string (*write)(const ProxyPlan&),
                                      CommandContext& context) {
    if (backends_.empty() == from_fleet_.empty()) {
      return absl::InvalidArgumentError("give either --backends or --from-fleet");
    }
    ProxyWishes wishes{.listen = listen_,
                       .backends = backends_,
                       .hosts = {},
                       .backend_keepalive = std::nullopt,
                       .check_path = check_path_};
    if (backend_keepalive_ > absl::ZeroDuration()) wishes.backend_keepalive = backend_keepalive_;
    size_t asked = 0;
    v1::AgentsReport failed;
    if (!from_fleet_.empty() || !proxies_.empty()) {
      TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
      asked = fleet->size();
      TF_RETURN_IF_ERROR(AskFleet(*fleet, wishes, failed, context));
    }
    TF_ASSIGN_OR_RETURN(const ProxyPlan plan, PlanProxy(wishes));
    context.out << write(plan);
    return ConcludeFanOut(context, asked, failed.failures());
  }

  absl::Status AskFleet(Fleet& fleet, ProxyWishes& wishes, v1::AgentsReport& failed,
                        CommandContext& context) const {
    const std::stop_token stop = context.interrupt->token();
    if (!from_fleet_.empty()) {
      const absl::StatusOr<filter::Filter> filter = ParseFilterWords(
          std::vector<std::string>{absl::StrCat("state listening and ( ", from_fleet_, " )")});
      if (!filter.ok()) return base::WithContext("--from-fleet", filter.status());
      TF_ASSIGN_OR_RETURN(FoundBackends found, FindBackends(fleet, *filter, stop));
      for (const std::string& line : found.left_out) {
        context.err << "tcpfleet: left out: " << Printable(line) << '\n';
      }
      for (v1::AgentFailure& failure : found.failures) *failed.add_failures() = failure;
      if (found.backends.empty()) {
        return absl::FailedPreconditionError(
            "--from-fleet: no listener matches that the proxy could reach");
      }
      wishes.backends = std::move(found.backends);
    }
    if (proxies_.empty()) return absl::OkStatus();
    TF_ASSIGN_OR_RETURN(MeasuredProxies measured,
                        MeasureProxies(fleet, proxies_, context.clock, stop));
    for (v1::AgentFailure& failure : measured.failures) *failed.add_failures() = failure;
    wishes.hosts = std::move(measured.hosts);
    return absl::OkStatus();
  }

  absl::StatusOr<ExitCode> WriteSysctls(CommandContext& context) const {
    TF_ASSIGN_OR_RETURN(const Profile profile, LoadProfile(profile_));
    TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
    const HostReadings read =
        ReadHosts(*fleet, PatternsOf(profile), "", context.interrupt->token());
    if (!read.hosts.empty()) context.out << SysctlFile(profile, read.hosts);
    return ConcludeFanOut(context, fleet->size(), read.failures);
  }

  CLI::App* haproxy_ = nullptr;
  CLI::App* nginx_ = nullptr;
  std::vector<Backend> backends_;
  std::string from_fleet_;
  ListenAddress listen_{.address = std::nullopt, .port = 80};
  std::vector<std::string> proxies_;
  absl::Duration backend_keepalive_ = absl::ZeroDuration();
  std::string check_path_;
  std::string profile_ = "production";
};

}  // namespace

std::unique_ptr<Command> MakeGenerateCommand() { return std::make_unique<GenerateCommand>(); }

}  // namespace tcpfleet::controller
