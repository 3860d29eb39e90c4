#include "tests/unit/controller/diagnose/evidence.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>

#include "controller/diagnose/judge.h"

namespace tcpfleet::tests {
namespace {

using controller::AllRules;
using controller::DiagnosisRule;

bool IsSysctl(absl::string_view need) { return absl::StrContains(need, "/"); }
bool IsLevel(absl::string_view need) {
  return absl::StartsWith(need, "TCP.") || absl::StartsWith(need, "TCP6.") ||
         absl::StartsWith(need, "sockets.") || need == "Tcp.CurrEstab" || need == "Tcp.MaxConn";
}
bool IsCounter(absl::string_view need) { return absl::StrContains(need, ".") && !IsLevel(need); }

// Values of a kernel of 2025.
const std::map<std::string, std::string>& Defaults() {
  static const auto& defaults = *new std::map<std::string, std::string>{
      {"net/core/somaxconn", "4096"},
      {"net/ipv4/ip_local_port_range", "32768\t60999"},
      {"net/ipv4/ip_local_reserved_ports", ""},
      {"net/ipv4/tcp_syncookies", "1"},
      {"net/ipv4/tcp_max_syn_backlog", "1024"},
      {"net/ipv4/tcp_max_tw_buckets", "131072"},
      {"net/ipv4/tcp_tw_reuse", "2"},
      {"net/ipv4/tcp_timestamps", "1"},
      {"net/ipv4/tcp_sack", "1"},
      {"net/ipv4/tcp_window_scaling", "1"},
      {"net/ipv4/tcp_max_orphans", "131072"},
      {"net/ipv4/tcp_keepalive_time", "7200"},
      {"net/ipv4/tcp_keepalive_intvl", "75"},
      {"net/ipv4/tcp_keepalive_probes", "9"},
      {"net/ipv4/tcp_fin_timeout", "60"},
      {"net/ipv4/tcp_mem", "188322\t251096\t376644"},
      {"net/ipv4/tcp_rmem", "4096\t131072\t33554432"},
      {"net/ipv4/tcp_wmem", "4096\t16384\t4194304"},
      {"net/ipv4/tcp_mtu_probing", "0"},
      {"net/netfilter/nf_conntrack_max", "262144"},
  };
  return defaults;
}

void AddHostStatistics(int index, v1::HostStatistics& host) {
  for (uint32_t cpu = 0; cpu < 2; ++cpu) {
    v1::SoftnetCpu& softnet = *host.add_softnet();
    softnet.set_cpu(cpu);
    softnet.set_processed(1'000'000 + 10'000 * static_cast<uint64_t>(index));
  }
  host.set_tcp_orphans(3);
  host.set_tcp_sockets_allocated(400);
  host.set_tcp_memory_pages(1'000);
  host.set_page_bytes(4096);
  host.set_open_files(5'000);
  host.set_most_open_files(1'000'000);
  v1::ProcessFiles& files = *host.add_processes();
  files.mutable_process()->set_pid(812);
  files.mutable_process()->set_comm("nginx");
  files.set_open_files(100);
  files.set_soft_limit(1'024);
  files.set_hard_limit(1'048'576);
  host.set_load_1m(0.2);
  host.set_cpus(2);
  host.set_memory_bytes(uint64_t{8} << 30);
  host.set_available_memory_bytes(uint64_t{6} << 30);
  v1::NeighbourTable& neighbours = *host.add_neighbours();
  neighbours.set_table("arp");
  neighbours.set_entries(20);
  neighbours.set_gc_thresh3(1'024);
  (*neighbours.mutable_counters())["forced_gc_runs"] = 0;
  (*neighbours.mutable_counters())["table_fulls"] = 0;
  host.set_uptime_seconds(86'400);
}

void AddTables(int index, v1::NamespaceStatistics& statistics) {
  v1::Conntrack& conntrack = *statistics.mutable_conntrack();
  conntrack.set_entries(500);
  conntrack.set_maximum(262'144);
  for (const char* name : {"drop", "early_drop", "insert_failed"}) {
    (*conntrack.mutable_counters())[name] = 0;
  }
  v1::InterfaceStatistics& interface = *statistics.add_interfaces();
  interface.set_index(2);
  interface.set_name("eth0");
  interface.set_state("UP");
  interface.set_mtu(1'500);
  (*interface.mutable_counters())["rx_packets"] = 1'000'000 + 10'000 * static_cast<uint64_t>(index);
  v1::QdiscStatistics& qdisc = *interface.add_qdiscs();
  qdisc.set_kind("fq_codel");
  qdisc.set_handle("8001:");
  qdisc.set_packets(1'000'000 + 10'000 * static_cast<uint64_t>(index));
}

// Half of it at rest, and nothing comes or goes.
void AddPool(v1::SocketSummary& sockets) {
  sockets.add_rest_seconds(30);
  sockets.add_rest_seconds(300);
  v1::SocketGroup& pool = *sockets.add_peers();
  pool.set_peer_address("10.0.0.9");
  pool.set_peer_port(6'379);
  pool.set_sockets(40);
  (*pool.mutable_states())["ESTAB"] = 40;
  pool.add_resting(20);
  pool.add_resting(0);
  for (uint32_t i = 0; i < 40; ++i) pool.add_connection_hashes(i);
}

void AddSnapshot(int index, v1::HostEvidence& evidence) {
  v1::KernelSnapshot& snapshot = *evidence.add_snapshots();
  snapshot.set_boot_id("3f6c2f0e-0000-4000-8000-000000000001");
  snapshot.set_monotonic_ns(1'000'000'000'000 + 2'500'000'000 * int64_t{index});
  AddHostStatistics(index, *snapshot.mutable_host());
  v1::NamespaceStatistics& statistics = *snapshot.add_namespaces();
  statistics.set_network_namespace(kNamespace);
  for (const DiagnosisRule& rule : AllRules()) {
    for (const auto& names : {rule.needs, rule.helps}) {
      for (const absl::string_view name : names) {
        if (IsCounter(name)) (*statistics.mutable_counters())[std::string(name)] = 1'000;
        if (IsLevel(name)) (*statistics.mutable_levels())[std::string(name)] = 10;
      }
    }
  }
  AddTables(index, statistics);
  v1::SocketSummary& sockets = *statistics.mutable_sockets();
  (*sockets.mutable_states())["ESTAB"] = 40;
  sockets.set_port_range_low(32'768);
  sockets.set_port_range_high(60'999);
  sockets.set_ports_in_use(40);
  AddPool(sockets);
}

}  // namespace

v1::HostEvidence HealthyHost(const std::string& name) {
  v1::HostEvidence evidence;
  evidence.set_name(name);
  evidence.set_address(absl::StrCat(name, ":7117"));
  for (int i = 0; i < kSnapshots; ++i) {
    AddSnapshot(i, evidence);
    v1::SocketSample& sample = *evidence.add_sockets();
    sample.set_monotonic_ns(evidence.snapshots(i).monotonic_ns());
  }
  // Busy, and all of it succeeds.
  for (const char* counter :
       {"Tcp.ActiveOpens", "Tcp.PassiveOpens", "Tcp.InSegs", "Tcp.OutSegs", "IpExt.InOctets"}) {
    if (NamespaceIn(evidence, 0).counters().contains(counter)) Grow(evidence, counter, 10'000);
  }
  AddListener(evidence, Listener(80, 0, 511));
  for (const auto& [key, value] : Defaults()) SetSysctl(evidence, key, value);
  return evidence;
}

v1::NamespaceStatistics& NamespaceIn(v1::HostEvidence& evidence, int snapshot) {
  return *evidence.mutable_snapshots(snapshot)->mutable_namespaces(0);
}

void Grow(v1::HostEvidence& evidence, absl::string_view counter, uint64_t delta) {
  for (int i = 0; i < kSnapshots; ++i) {
    (*NamespaceIn(evidence, i).mutable_counters())[std::string(counter)] +=
        delta * static_cast<uint64_t>(i) / (kSnapshots - 1);
  }
}

void SetLevel(v1::HostEvidence& evidence, absl::string_view level, int64_t value) {
  for (int i = 0; i < kSnapshots; ++i) {
    (*NamespaceIn(evidence, i).mutable_levels())[std::string(level)] = value;
  }
}

void SetSysctl(v1::HostEvidence& evidence, absl::string_view key, absl::string_view value) {
  for (v1::Sysctl& one : *evidence.mutable_sysctls()) {
    if (one.key() == std::string(key)) {
      one.set_value(std::string(value));
      return;
    }
  }
  v1::Sysctl& added = *evidence.add_sysctls();
  added.set_key(std::string(key));
  added.set_value(std::string(value));
}

v1::Listener Listener(uint32_t port, uint32_t accept_queue, uint32_t backlog,
                      absl::string_view comm, uint32_t pid) {
  v1::Listener listener;
  listener.set_address("0.0.0.0");
  listener.set_port(port);
  listener.set_accept_queue(accept_queue);
  listener.set_backlog(backlog);
  listener.set_cookie(uint64_t{port} << 32 | pid);
  listener.mutable_owner()->set_comm(std::string(comm));
  listener.mutable_owner()->set_pid(pid);
  return listener;
}

void AddListener(v1::HostEvidence& evidence, const v1::Listener& listener, int first) {
  for (int i = first; i < kSnapshots; ++i) {
    *NamespaceIn(evidence, i).mutable_sockets()->add_listeners() = listener;
  }
}

v1::ConnectionRecord Connection(absl::string_view state, absl::string_view local,
                                absl::string_view peer) {
  v1::ConnectionRecord connection;
  connection.set_state(std::string(state));
  connection.set_local(std::string(local));
  connection.set_peer(std::string(peer));
  connection.set_cookie(std::hash<std::string>()(absl::StrCat(local, " ", peer)));
  connection.set_network_namespace(kNamespace);
  connection.set_pid(4'711);
  connection.set_process("app");
  return connection;
}

void AddConnection(v1::HostEvidence& evidence, v1::ConnectionRecord connection) {
  connection.set_agent(evidence.name());
  for (v1::SocketSample& sample : *evidence.mutable_sockets()) {
    *sample.add_connections() = connection;
  }
}

void LookTwice(v1::HostEvidence& evidence) {
  for (int i = 1; i + 1 < kSnapshots; ++i) {
    v1::SocketSummary listeners;
    v1::SocketSummary& sockets = *NamespaceIn(evidence, i).mutable_sockets();
    listeners.mutable_listeners()->Swap(sockets.mutable_listeners());
    listeners.set_listeners_only(true);
    sockets.Swap(&listeners);
  }
  evidence.mutable_sockets()->DeleteSubrange(1, kSnapshots - 2);
}

void Remove(v1::HostEvidence& evidence, absl::string_view need) {
  const std::string name(need);
  if (IsSysctl(need)) {
    auto& sysctls = *evidence.mutable_sysctls();
    sysctls.erase(std::remove_if(sysctls.begin(), sysctls.end(),
                                 [&](const v1::Sysctl& one) { return one.key() == name; }),
                  sysctls.end());
    return;
  }
  if (need == "connections") evidence.clear_sockets();
  for (v1::KernelSnapshot& snapshot : *evidence.mutable_snapshots()) {
    v1::HostStatistics& host = *snapshot.mutable_host();
    v1::NamespaceStatistics& statistics = *snapshot.mutable_namespaces(0);
    if (IsCounter(need)) statistics.mutable_counters()->erase(name);
    if (IsLevel(need)) statistics.mutable_levels()->erase(name);
    if (need == "sockets") statistics.clear_sockets();
    if (need == "resting") {
      statistics.mutable_sockets()->clear_rest_seconds();
      for (v1::SocketGroup& one : *statistics.mutable_sockets()->mutable_peers()) {
        one.clear_resting();
      }
    }
    if (need == "conntrack") statistics.clear_conntrack();
    if (need == "interfaces") statistics.clear_interfaces();
    if (need == "qdiscs") {
      for (v1::InterfaceStatistics& one : *statistics.mutable_interfaces()) one.clear_qdiscs();
    }
    if (need == "softnet") host.clear_softnet();
    if (need == "processes") host.clear_processes();
    if (need == "neighbours") host.clear_neighbours();
    if (need == "files") {
      host.clear_open_files();
      host.clear_most_open_files();
    }
    if (need == "host") snapshot.clear_host();
  }
}

controller::Findings Ask(absl::string_view rule, const v1::HostEvidence& evidence) {
  const DiagnosisRule& found = *controller::FindRule(rule);
  return found.evaluate(controller::HostObservation(evidence, kNamespace),
                        controller::RuleParameters(found.parameters));
}

controller::Findings Ask(absl::string_view rule, const v1::HostEvidence& evidence,
                         absl::string_view parameter, double value) {
  const DiagnosisRule& found = *controller::FindRule(rule);
  controller::RuleParameters parameters(found.parameters);
  parameters.Set(parameter, value);
  return found.evaluate(controller::HostObservation(evidence, kNamespace), parameters);
}

v1::DiagnosisReport Diagnose(const std::vector<v1::HostEvidence>& hosts) {
  v1::EvidenceBundle bundle;
  for (const v1::HostEvidence& host : hosts) *bundle.add_hosts() = host;
  return controller::Diagnose(bundle, controller::DefaultRules());
}

const v1::FindingEvidence& EvidenceOf(const v1::Finding& finding, absl::string_view name) {
  for (const v1::FindingEvidence& evidence : finding.evidence()) {
    if (evidence.name() == std::string(name)) return evidence;
  }
  ADD_FAILURE() << "no evidence '" << std::string(name) << "' in " << finding.DebugString();
  return v1::FindingEvidence::default_instance();
}

}  // namespace tcpfleet::tests
