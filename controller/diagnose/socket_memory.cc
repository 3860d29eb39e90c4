// Memory for what is on its way: of all of TCP, and of single sockets.
//
// Source: tcp_enter_memory_pressure, tcp_prune_queue and tcp_add_backlog of net/ipv4.
#include <absl/strings/str_cat.h>

#include <utility>

#include "common/base/status_macros.h"
#include "controller/diagnose/finding.h"
#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kTcpMem = "net/ipv4/tcp_mem";
constexpr absl::string_view kPressures = "TcpExt.TCPMemoryPressures";
constexpr absl::string_view kAborts = "TcpExt.TCPAbortOnMemory";
constexpr absl::string_view kPruned = "TcpExt.PruneCalled";
constexpr absl::string_view kCollapsed = "TcpExt.TCPRcvCollapsed";
constexpr absl::string_view kThrownAway[] = {"TcpExt.RcvPruned", "TcpExt.OfoPruned",
                                             "TcpExt.TCPRcvQDrop"};
constexpr absl::string_view kBacklogDrops = "TcpExt.TCPBacklogDrop";

Findings MemoryPressure(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const v1::HostStatistics* const statistics, host.Host());
  if (!statistics->has_tcp_memory_pages()) return host.Missing("/proc/net/sockstat");
  TF_ASSIGN_OR_RETURN(const std::vector<int64_t> limits, host.Numbers(kTcpMem));
  TF_ASSIGN_OR_RETURN(const CounterChange pressures, host.Change(kPressures));
  TF_ASSIGN_OR_RETURN(const CounterChange aborts, host.Change(kAborts));
  if (limits.size() != 3) {
    return absl::FailedPreconditionError("net.ipv4.tcp_mem does not have three numbers");
  }
  const auto pages = static_cast<double>(statistics->tcp_memory_pages());
  const auto pressure = static_cast<double>(limits[1]);
  std::vector<v1::Finding> findings;
  const bool is_critical = pages >= pressure || pressures.delta() > 0;
  if (!is_critical && pages < parameters["warn_share"] * pressure) return findings;
  v1::Finding& finding = findings.emplace_back(
      NewFinding(is_critical ? FindingSeverity::kCrit : FindingSeverity::kWarn));
  AddNumber(finding, "/proc/net/sockstat", "mem", pages, "pages",
            parameters["warn_share"] * pressure);
  AddNumber(finding, "net.ipv4.tcp_mem", "pressure", pressure, "pages");
  AddChange(finding, pressures, "times");
  AddChange(finding, aborts, "connections");
  return findings;
}

Findings ReceivePrune(const HostObservation& host, const RuleParameters&) {
  std::vector<CounterChange> thrown_away;
  uint64_t lost = 0;
  for (const absl::string_view counter : kThrownAway) {
    TF_ASSIGN_OR_RETURN(thrown_away.emplace_back(), host.Change(counter));
    lost += thrown_away.back().delta();
  }
  TF_ASSIGN_OR_RETURN(const CounterChange pruned, host.Change(kPruned));
  TF_ASSIGN_OR_RETURN(const CounterChange collapsed, host.Change(kCollapsed));
  std::vector<v1::Finding> findings;
  if (lost == 0 && pruned.delta() == 0 && collapsed.delta() == 0) return findings;
  v1::Finding& finding =
      findings.emplace_back(NewFinding(lost > 0 ? FindingSeverity::kWarn : FindingSeverity::kInfo));
  if (lost == 0) finding.set_title("receive buffers are full and are compacted");
  for (const CounterChange& change : thrown_away) {
    if (change.delta() > 0) AddChange(finding, change, "segments");
  }
  AddChange(finding, pruned, "times");
  AddChange(finding, collapsed, "segments");
  return findings;
}

Findings BacklogDrop(const HostObservation& host, const RuleParameters&) {
  TF_ASSIGN_OR_RETURN(const CounterChange drops, host.Change(kBacklogDrops));
  std::vector<v1::Finding> findings;
  if (drops.delta() == 0) return findings;
  AddChange(findings.emplace_back(NewFinding(FindingSeverity::kWarn)), drops, "segments");
  return findings;
}

constexpr absl::string_view kManual = "https://man7.org/linux/man-pages/man7/tcp.7.html";

}  // namespace

std::vector<DiagnosisRule> SocketMemoryRules() {
  return {
      {.number = "R27",
       .id = "tcp-memory-pressure",
       .title = "TCP uses nearly as much memory as it may",
       .symptom = "all connections of the host slow down; the kernel logs \"out of memory -- "
                  "consider tuning tcp_mem\"",
       .cause = "receive and send queues of all connections together reach net.ipv4.tcp_mem; then "
                "windows shrink, and connections are aborted at the third number",
       .fixes = {"find who holds it: `tcpfleet snapshot --sort receive_queue --top 20` (R22, R24)",
                 "raise net.ipv4.tcp_mem only when the host has the memory"},
       .false_positives = "an agent in a container sees the whole host's memory",
       .kernel = "memory and its limit are of the host, in pages; a network namespace does not "
                 "show net.ipv4.tcp_mem; cgroups have limits of their own",
       .commands = {"grep TCP: /proc/net/sockstat  # mem, in pages", "sysctl net.ipv4.tcp_mem"},
       .link = kManual,
       .needs = {"host", kTcpMem, kPressures, kAborts},
       .parameters = {{"warn_share", 0.9, "share of the second number of tcp_mem",
                       "a burst away from pressure"}},
       .every_namespace = false,
       .evaluate = &MemoryPressure},
      {.number = "R28",
       .id = "receive-prune",
       .title = "segments that had arrived are thrown away because receive buffers are full",
       .symptom = "retransmissions although the network loses nothing",
       .cause = "a receive buffer that is too small, or many small segments in it, or a program "
                "that does not read",
       .fixes = {"do not set SO_RCVBUF in the receiving program",
                 "look for programs that do not read: R22",
                 "raise the third number of net.ipv4.tcp_rmem: "
                 "`tcpfleet sysctl plan --set 'net.ipv4.tcp_rmem=4096 131072 33554432'`"},
       .false_positives = "none known",
       .kernel = "PruneCalled and TCPRcvCollapsed alone cost CPU, not data",
       .commands = {"nstat -az 'TcpExt*Prune*' TcpExtTCPRcvQDrop TcpExtTCPRcvCollapsed"},
       .link = kManual,
       .needs = {"TcpExt.RcvPruned", "TcpExt.OfoPruned", "TcpExt.TCPRcvQDrop", kPruned, kCollapsed},
       .evaluate = &ReceivePrune},
      {.number = "R29",
       .id = "socket-backlog-drop",
       .title = "segments are dropped while programs hold their sockets",
       .symptom = "retransmissions on connections of busy programs",
       .cause = "a program was inside a system call on the socket, or had no CPU, while more "
                "arrived than its buffers hold",
       .fixes = {"look for CPU starvation: load, throttled cgroups, real-time tasks",
                 "raise the third number of net.ipv4.tcp_rmem"},
       .false_positives = "none known",
       .kernel =
           "the limit is the receive buffer (twice, since 6.10 and in stable kernels of 2024), "
           "half of the send buffer, and 64 KiB",
       .commands = {"nstat -az TcpExtTCPBacklogDrop"},
       .link = kManual,
       .needs = {kBacklogDrops},
       .evaluate = &BacklogDrop},
  };
}

}  // namespace tcpfleet::controller
