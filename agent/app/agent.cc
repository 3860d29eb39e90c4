#include "agent/app/agent.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/time/time.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "agent/app/host_facts.h"
#include "agent/kernel/kernel_hub.h"
#include "agent/kernel/kernel_reader.h"
#include "agent/load/limits.h"
#include "agent/probe/probes.h"
#include "agent/service/host_service.h"
#include "agent/service/kernel_service.h"
#include "agent/service/probe_service.h"
#include "agent/service/run_registry.h"
#include "agent/service/socket_service.h"
#include "agent/service/stress_service.h"
#include "agent/service/sysctl_service.h"
#include "agent/sockets/inet_diag_source.h"
#include "agent/sockets/socket_hub.h"
#include "agent/sysctl/sysctl_changer.h"
#include "agent/sysctl/sysctl_reader.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/base/task_thread.h"
#include "common/rpc/grpc_log.h"
#include "common/sys/rlimit.h"
#include "common/sys/signals.h"

namespace tcpfleet::agent {
namespace {

constexpr absl::Duration kShutdownGrace = absl::Seconds(1);
constexpr char kDefaultSocketDirectory[] = "/run/tcpfleet";

SysctlChanger::Options ChangerOptions(const AgentOptions& options,
                                      const v1::DescribeResponse& facts) {
  return {.state_directory = options.state_directory,
          .own_file = options.sysctl_file,
          .planner = {.allowed = options.allowed_sysctls,
                      .boot_id = facts.boot_id(),
                      .network_namespace = facts.network_namespace()}};
}

}  // namespace

// In start order; destroyed in reverse.
struct Agent::Parts {
  Parts(v1::DescribeResponse host_facts, const AgentOptions& options)
      : facts(std::move(host_facts)),
        load_limits(DescribeLoadLimits(options.limits)),
        hub(&source, &clock),
        changer(ChangerOptions(options, facts), &clock),
        runs(options.limits),
        probes(options.limits),
        host_service([this] { return Describe(); }),
        kernel_service(&kernel_reader, &kernel_hub, &tasks),
        probe_service(&probes),
        socket_service(&hub, &tasks),
        stress_service(&runs),
        sysctl_service(&sysctls, &tasks, &changer, &changes) {}

  v1::DescribeResponse Describe() {
    v1::DescribeResponse response = facts;
    *response.mutable_limits() = load_limits;
    for (v1::Collector& collector : hub.Describe()) {
      *response.add_collectors() = std::move(collector);
    }
    *response.add_collectors() = kernel_reader.Describe();
    *response.add_collectors() = DescribeLoadCollector();
    *response.add_collectors() = changer.Describe();
    response.set_uptime_seconds(static_cast<double>(clock.MonotonicNs() - started_ns) / 1e9);
    return response;
  }

  base::SystemClock clock;
  const int64_t started_ns = clock.MonotonicNs();
  const v1::DescribeResponse facts;
  const v1::LoadLimits load_limits;
  InetDiagSource source{&clock};
  SocketHub hub;
  const KernelReader kernel_reader{&clock};
  KernelHub kernel_hub{[this](const auto& plan) { return kernel_reader.Read(plan); }, &clock};
  SysctlReader sysctls{"/"};
  base::TaskThread tasks;
  SysctlChanger changer;
  base::TaskThread changes;
  RunRegistry runs;
  Probes probes;
  HostService host_service;
  KernelService kernel_service;
  ProbeService probe_service;
  SocketService socket_service;
  StressService stress_service;
  SysctlService sysctl_service;
  std::unique_ptr<rpc::ServerHost> server;
};

absl::StatusOr<std::unique_ptr<Agent>> Agent::Start(const AgentOptions& options) {
  TF_ASSIGN_OR_RETURN(v1::DescribeResponse facts, ReadHostFacts(options.name));
  auto parts = std::make_unique<Parts>(std::move(facts), options);
  // Before anybody can ask for more changes.
  for (const v1::SysctlTransaction& transaction : parts->changer.Recover()) {
    spdlog::warn("transaction {} of kernel parameters: {}", transaction.id(), transaction.why());
  }
  const std::array<grpc::Service*, 6> services = {&parts->host_service,   &parts->kernel_service,
                                                  &parts->probe_service,  &parts->socket_service,
                                                  &parts->stress_service, &parts->sysctl_service};
  TF_ASSIGN_OR_RETURN(parts->server, rpc::ServerHost::Start(options.server, services));
  return std::unique_ptr<Agent>(new Agent(std::move(parts)));
}

Agent::Agent(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Agent::~Agent() { Stop(); }

const std::vector<std::string>& Agent::addresses() const { return parts_->server->addresses(); }

void Agent::Stop() {
  parts_->runs.StopAll();
  parts_->probes.StopAll();
  parts_->hub.Stop();
  parts_->kernel_hub.Stop();
  parts_->server->Shutdown(kShutdownGrace);
  parts_->changer.Stop();
}

namespace {

// Waits for SIGINT or SIGTERM, or for the end of stdin when asked to. What it was, for the log.
std::string WaitForEnd(sys::TerminationSignals& signals, bool watch_stdin) {
  std::array<pollfd, 2> watched = {
      pollfd{.fd = signals.fd(), .events = POLLIN, .revents = 0},
      pollfd{.fd = watch_stdin ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}};
  for (;;) {
    ::poll(watched.data(), watched.size(), -1);
    if (signals.Take() != 0) return "signal";
    char ignored[64];
    if (watched[1].revents != 0 && ::read(STDIN_FILENO, ignored, sizeof(ignored)) <= 0)
      return "end of stdin";
  }
}

// Without --listen the agent also has a Unix socket, where it may make the directory for it.
void AddDefaultSocket(std::vector<std::string>& listen) {
  std::error_code error;
  if (std::filesystem::create_directory(kDefaultSocketDirectory, error)) {
    std::filesystem::permissions(kDefaultSocketDirectory, std::filesystem::perms(0750), error);
  }
  if (::access(kDefaultSocketDirectory, W_OK) == 0) {
    listen.push_back(absl::StrCat("unix:", kDefaultSocketDirectory, "/agent.sock"));
  } else {
    spdlog::info("no Unix socket: {} cannot be written to", kDefaultSocketDirectory);
  }
}

absl::Status Run(AgentOptions options) {
  TF_RETURN_IF_ERROR(observe::SetUpLogging(options.log));
  if (options.default_listen) AddDefaultSocket(options.server.listen);
  TF_RETURN_IF_ERROR(sys::BlockTerminationSignals());
  rpc::RouteGrpcLog();
  TF_ASSIGN_OR_RETURN(sys::TerminationSignals signals, sys::TerminationSignals::Create());
  TF_ASSIGN_OR_RETURN(const uint64_t open_files, sys::RaiseOpenFileLimit());
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<Agent> agent, Agent::Start(options));

  spdlog::info("listening on {}; {} open files", absl::StrJoin(agent->addresses(), ", "),
               open_files);
  if (options.server.insecure_listen && !options.server.tls.enabled()) {
    spdlog::warn(
        "--insecure-listen: anybody who reaches these addresses can run load from this host");
  }
  std::printf("ready\n");
  std::fflush(stdout);

  spdlog::info("stopping: {}", WaitForEnd(signals, options.exit_on_stdin_close));
  agent->Stop();
  return absl::OkStatus();
}

}  // namespace

int RunAgentMain(int argc, char** argv) {
  const absl::StatusOr<ParsedCommandLine> parsed =
      ParseAgentCommandLine(std::vector<std::string>(argv + 1, argv + argc));
  const bool is_usage = !parsed.ok();
  if (parsed.ok() && !parsed->options) {
    std::fputs(parsed->text.c_str(), stdout);
    return 0;
  }
  const absl::Status status = is_usage ? parsed.status() : Run(*parsed->options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "tcpfleet-agent: %s\n", std::string(status.message()).c_str());
  return is_usage || absl::IsInvalidArgument(status) || absl::IsPermissionDenied(status) ? 2 : 1;
}

}  // namespace tcpfleet::agent
