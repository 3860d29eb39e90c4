#include <absl/strings/str_cat.h>

#include <cstdio>
#include <memory>
#include <stop_token>
#include <utility>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "controller/diagnose/collect.h"
#include "controller/diagnose/judge.h"
#include "tests/bench/fleet.h"
#include "tests/bench/groups.h"
#include "tests/bench/process_usage.h"
#include "tests/bench/socket_holders.h"

namespace tcpfleet::bench {
namespace {

constexpr int kHosts = 200;
constexpr int kSnapshots = 6;
constexpr int kConnections = 250;  // in each sample: what the collector keeps of so many hosts
constexpr int kGroups = 100;
constexpr uint64_t kNamespace = 4026531840;
constexpr Goal kGoal = AtMost(1);
constexpr int kCrowdConnections = 100'000;  // each is two sockets
constexpr absl::Duration kCrowdWindow = absl::Seconds(10);

v1::SocketGroup Group(int i) {
  v1::SocketGroup group;
  group.set_peer_address(absl::StrCat("10.1.0.", i));
  group.set_peer_port(443);
  group.set_sockets(static_cast<uint64_t>(i));
  (*group.mutable_states())["ESTAB"] = static_cast<uint64_t>(i);
  return group;
}

void AddSnapshot(int index, v1::HostEvidence& host) {
  v1::KernelSnapshot& snapshot = *host.add_snapshots();
  snapshot.set_boot_id("boot");
  snapshot.set_monotonic_ns(int64_t{1} + 2'000'000'000 * int64_t{index});
  snapshot.mutable_host()->set_cpus(8);
  v1::NamespaceStatistics& statistics = *snapshot.add_namespaces();
  statistics.set_network_namespace(kNamespace);
  for (const controller::DiagnosisRule& rule : controller::AllRules()) {
    for (const absl::string_view name : rule.needs) {
      (*statistics.mutable_counters())[std::string(name)] = 1'000;
    }
  }
  for (int i = 0; i < 350; ++i) (*statistics.mutable_counters())[absl::StrCat("Other.", i)] = 1;
  v1::SocketSummary& sockets = *statistics.mutable_sockets();
  for (int i = 0; i < kGroups; ++i) {
    v1::Listener& listener = *sockets.add_listeners();
    listener.set_address("0.0.0.0");
    listener.set_port(static_cast<uint32_t>(i));
    listener.set_cookie(static_cast<uint64_t>(i));
    listener.set_backlog(4'096);
    *sockets.add_local_ports() = *sockets.add_processes() = *sockets.add_peers() = Group(i);
  }
}

void AddConnections(v1::HostEvidence& host) {
  v1::SocketSample& sample = *host.add_sockets();
  sample.set_monotonic_ns(host.snapshots().rbegin()->monotonic_ns());
  for (int i = 0; i < kConnections; ++i) {
    v1::ConnectionRecord& record = *sample.add_connections();
    record.set_state("ESTAB");
    record.set_local(absl::StrCat("10.0.0.1:", 1'000 + i));
    record.set_peer("10.1.0.1:443");
    record.set_cookie(static_cast<uint64_t>(i));
    record.set_network_namespace(kNamespace);
    for (const controller::DiagnosisRule& rule : controller::AllRules()) {
      for (const absl::string_view name : rule.fields) {
        (*record.mutable_fields())[std::string(name)] = 1;
      }
    }
  }
}

v1::EvidenceBundle Evidence() {
  v1::EvidenceBundle bundle;
  for (int i = 0; i < kHosts; ++i) {
    v1::HostEvidence& host = *bundle.add_hosts();
    host.set_name(absl::StrCat("web", i));
    for (int j = 0; j < kSnapshots; ++j) {
      AddSnapshot(j, host);
      AddConnections(host);
    }
  }
  return bundle;
}

}  // namespace

absl::StatusOr<Measurements> MeasureDiagnose(const BenchOptions& options) {
  std::fprintf(stderr, "diagnose: judging the evidence of %d hosts\n", kHosts);
  const v1::EvidenceBundle bundle = Evidence();
  const controller::RuleSelection rules = controller::DefaultRules();
  std::vector<double> rounds;
  for (int round = 0; round < options.rounds; ++round) {
    const double start_ns = ThreadCpuNs();
    const v1::DiagnosisReport report = controller::Diagnose(bundle, rules);
    rounds.push_back((ThreadCpuNs() - start_ns) * 1e-9);
    if (report.hosts_size() != kHosts) return absl::InternalError("not all hosts were judged");
  }
  return Measurements{FromRounds("diagnose/judge", rounds, "s", kGoal)};
}

absl::StatusOr<Measurements> MeasureDiagnoseCrowd(const BenchOptions& options) {
  std::fprintf(stderr, "diagnose: opening %d connections\n", kCrowdConnections);
  TF_ASSIGN_OR_RETURN(const SocketHolders holders,
                      SocketHolders::Start(kCrowdConnections, 0, options.server_cpu));
  TF_ASSIGN_OR_RETURN(const Agent agent, Agent::Start(options.client_cpu));
  const controller::RuleSelection rules = controller::DefaultRules();
  base::SystemClock clock;
  std::vector<double> rounds;
  for (int round = 0; round < options.rounds; ++round) {
    controller::FleetOptions fleet;
    fleet.agents = {{agent.address(), agent.address(), {}}};
    fleet.timeout = absl::Seconds(60);
    TF_ASSIGN_OR_RETURN(std::unique_ptr<controller::Fleet> opened,
                        controller::Fleet::Open(std::move(fleet)));
    TF_ASSIGN_OR_RETURN(const double ticks_before, CpuTicks(agent.pid()));
    const v1::EvidenceBundle bundle = controller::CollectEvidence(
        std::move(opened), rules, {.window = kCrowdWindow}, clock, std::stop_token());
    TF_ASSIGN_OR_RETURN(const double ticks_after, CpuTicks(agent.pid()));
    if (bundle.hosts_size() != 1 || controller::Diagnose(bundle, rules).hosts_size() != 1) {
      return absl::InternalError("the agent was not judged");
    }
    rounds.push_back((ticks_after - ticks_before) / TicksPerSecond());
  }
  return Measurements{FromRounds("diagnose/200k/cpu", rounds, "s", kGoal)};
}

}  // namespace tcpfleet::bench
