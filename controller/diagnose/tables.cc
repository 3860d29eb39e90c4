// Tables of the host and of its namespaces that fill up: connection tracking, neighbours, files.
//
// Source: nf_conntrack_core.c, neighbour.c, file_table.c of the kernel.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/diagnose/finding.h"
#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kConntrackCount = "/proc/sys/net/netfilter/nf_conntrack_count";
constexpr absl::string_view kFileTable = "/proc/sys/fs/file-nr";

// How full it is, between 0 and 1.
absl::StatusOr<double> ConntrackFill(const HostObservation& host) {
  TF_ASSIGN_OR_RETURN(const v1::NamespaceStatistics* const last, host.Namespace());
  const v1::Conntrack& conntrack = last->conntrack();
  if (!conntrack.has_entries() || !conntrack.has_maximum() || conntrack.maximum() == 0) {
    return host.Missing(kConntrackCount);
  }
  return static_cast<double>(conntrack.entries()) / static_cast<double>(conntrack.maximum());
}

void AddConntrackFill(v1::Finding& finding, const HostObservation& host, double threshold) {
  const v1::Conntrack& conntrack = (*host.Namespace())->conntrack();
  const auto maximum = static_cast<double>(conntrack.maximum());
  AddNumber(finding, kConntrackCount, "nf_conntrack_count",
            static_cast<double>(conntrack.entries()), "entries", threshold * maximum);
  AddNumber(finding, "net.netfilter.nf_conntrack_max", "nf_conntrack_max", maximum, "entries");
}

Findings ConntrackFull(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const double fill, ConntrackFill(host));
  TF_ASSIGN_OR_RETURN(const CounterChange drops, host.ConntrackChange("drop"));
  TF_ASSIGN_OR_RETURN(const CounterChange early, host.ConntrackChange("early_drop"));
  std::vector<v1::Finding> findings;
  if (drops.delta() == 0 && early.delta() == 0 && fill < parameters["crit_share"]) return findings;
  v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kCrit));
  AddConntrackFill(finding, host, parameters["crit_share"]);
  AddChange(finding, drops, "packets");
  AddChange(finding, early, "entries");
  return findings;
}

Findings ConntrackNearFull(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const double fill, ConntrackFill(host));
  std::vector<v1::Finding> findings;
  if (fill < parameters["share"] || fill >= parameters["full_share"]) return findings;
  AddConntrackFill(findings.emplace_back(NewFinding(FindingSeverity::kWarn)), host,
                   parameters["share"]);
  return findings;
}

const v1::NeighbourTable* FindTable(const v1::KernelSnapshot& snapshot, absl::string_view name) {
  for (const v1::NeighbourTable& table : snapshot.host().neighbours()) {
    if (table.table() == std::string(name)) return &table;
  }
  return nullptr;
}

absl::StatusOr<CounterChange> NeighbourChange(const HostObservation& host, absl::string_view table,
                                              const std::string& counter) {
  return host.ChangeOf(absl::StrCat("/proc/net/stat/", table, "_cache"), counter,
                       [&](const v1::KernelSnapshot& snapshot,
                           const v1::NamespaceStatistics&) -> std::optional<uint64_t> {
                         const v1::NeighbourTable* const found = FindTable(snapshot, table);
                         if (found == nullptr) return std::nullopt;
                         const auto value = found->counters().find(counter);
                         if (value == found->counters().end()) return std::nullopt;
                         return value->second;
                       });
}

Findings NeighbourPressure(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const v1::HostStatistics* const statistics, host.Host());
  if (statistics->neighbours().empty()) return host.Missing("/proc/net/stat/arp_cache");
  std::vector<v1::Finding> findings;
  for (const v1::NeighbourTable& table : statistics->neighbours()) {
    TF_ASSIGN_OR_RETURN(const CounterChange full,
                        NeighbourChange(host, table.table(), "table_fulls"));
    TF_ASSIGN_OR_RETURN(const CounterChange forced,
                        NeighbourChange(host, table.table(), "forced_gc_runs"));
    const double most =
        table.has_gc_thresh3() ? parameters["share"] * static_cast<double>(table.gc_thresh3()) : 0;
    const bool is_near = most > 0 && static_cast<double>(table.entries()) >= most;
    if (full.delta() == 0 && forced.delta() == 0 && !is_near) continue;
    v1::Finding& finding = findings.emplace_back(
        NewFinding(full.delta() > 0 ? FindingSeverity::kCrit : FindingSeverity::kWarn,
                   absl::StrCat(table.table(), " table")));
    AddChange(finding, full, "times");
    AddChange(finding, forced, "times");
    AddNumber(finding, full.source, "entries", static_cast<double>(table.entries()), "entries",
              most > 0 ? std::optional<double>(most) : std::nullopt);
  }
  return findings;
}

Findings ProcessFiles(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const v1::HostStatistics* const statistics, host.Host());
  if (statistics->processes().empty()) return host.Missing("/proc/PID/fd");
  std::vector<v1::Finding> findings;
  for (const v1::ProcessFiles& files : statistics->processes()) {
    if (!files.has_soft_limit() || files.soft_limit() == 0) continue;
    const auto open = static_cast<double>(files.open_files());
    const double share = open / static_cast<double>(files.soft_limit());
    if (share < parameters["warn_share"] || open < parameters["least_files"]) continue;
    v1::Finding& finding = findings.emplace_back(NewFinding(
        share >= parameters["crit_share"] ? FindingSeverity::kCrit : FindingSeverity::kWarn,
        OwnerText(files.process())));
    const auto limit = static_cast<double>(files.soft_limit());
    AddNumber(finding, "/proc/PID/fd", "open_files", open, "descriptors",
              parameters["warn_share"] * limit);
    AddNumber(finding, "/proc/PID/limits", "soft_limit", limit, "descriptors");
  }
  if (!findings.empty() || statistics->processes_unreadable() == 0) return findings;
  return absl::FailedPreconditionError(absl::StrCat(
      "/proc/PID/fd: ", statistics->processes_unreadable(), " processes may not be looked at"));
}

Findings SystemFiles(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const v1::HostStatistics* const statistics, host.Host());
  if (!statistics->has_open_files()) return host.Missing(kFileTable);
  std::vector<v1::Finding> findings;
  if (!statistics->has_most_open_files()) return findings;  // unlimited
  const auto open = static_cast<double>(statistics->open_files());
  const auto most = static_cast<double>(statistics->most_open_files());
  if (open < parameters["warn_share"] * most) return findings;
  v1::Finding& finding = findings.emplace_back(NewFinding(
      open >= parameters["crit_share"] * most ? FindingSeverity::kCrit : FindingSeverity::kWarn));
  AddNumber(finding, kFileTable, "open_files", open, "files", parameters["warn_share"] * most);
  AddNumber(finding, "fs.file-max", "file-max", most, "files");
  return findings;
}

constexpr absl::string_view kConntrackSysctls =
    "https://www.kernel.org/doc/html/latest/networking/nf_conntrack-sysctl.html";
constexpr absl::string_view kShorterTimeout =
    "`tcpfleet sysctl plan --set net.netfilter.nf_conntrack_tcp_timeout_established=86400`: "
    "entries of dead connections stay for 5 days else";

}  // namespace

std::vector<DiagnosisRule> TableRules() {
  return {
      {.number = "R33",
       .id = "process-fd-exhaustion",
       .title = "a process has nearly as many files open as it may",
       .symptom = "the program logs \"Too many open files\"; its clients see timeouts, because "
                  "what it cannot accept stays in the queue",
       .cause = "the limit is too low for its connections, or it leaks descriptors (R14)",
       .fixes = {"set LimitNOFILE= in the program's systemd unit and restart it",
                 "look for leaks: `ls -l /proc/PID/fd`, sockets in CLOSE-WAIT"},
       .false_positives = "programs that keep a cache of open files on purpose",
       .kernel = "fs.file-max, and ulimit in a shell, do not reach services",
       .commands = {"ls /proc/PID/fd | wc -l", "grep 'open files' /proc/PID/limits"},
       .link = "https://man7.org/linux/man-pages/man2/getrlimit.2.html",
       .errors = {"Too many open files", "EMFILE", "accept4() failed (24"},
       .needs = {"processes"},
       .parameters = {{"warn_share", 0.8, "share of the soft limit", "a burst away"},
                      {"crit_share", 0.95, "share of the soft limit", "accept() is about to fail"},
                      {"least_files", 64, "descriptors", "tiny limits are set on purpose"}},
       .every_namespace = false,
       .evaluate = &ProcessFiles},
      {.number = "R39",
       .id = "conntrack-table-full",
       .title = "the table of tracked connections is full",
       .symptom = "new connections time out, established ones work; the kernel logs \"table full, "
                  "dropping packet\"",
       .cause = "more connections pass than net.netfilter.nf_conntrack_max, or entries of dead "
                "ones stay too long",
       .fixes = {kShorterTimeout,
                 "`tcpfleet sysctl plan --set net.netfilter.nf_conntrack_max=1048576`, and the "
                 "buckets with it: some 320 B for each",
                 "leave busy ports untracked: nft ... notrack"},
       .false_positives = "insert_failed may be races, which do no harm",
       .kernel = "nf_conntrack_max is of the host and read-only in other namespaces; it is there "
                 "when the module is loaded",
       .commands = {"sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max",
                    "conntrack -S"},
       .link = kConntrackSysctls,
       .errors = {"nf_conntrack: table full, dropping packet"},
       .needs = {"conntrack"},
       .parameters = {{"crit_share", 0.9, "share of nf_conntrack_max", "a burst away"}},
       .evaluate = &ConntrackFull},
      {.number = "R40",
       .id = "conntrack-near-full",
       .title = "the table of tracked connections is filling",
       .symptom = "nothing yet",
       .cause = "more connections pass than the table was made for, or entries of dead ones stay "
                "too long",
       .fixes = {kShorterTimeout,
                 "`tcpfleet sysctl plan --set net.netfilter.nf_conntrack_max=1048576`"},
       .false_positives = "tables that are meant to be well used",
       .kernel = "see R39",
       .commands = {"sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max"},
       .link = kConntrackSysctls,
       .needs = {"conntrack"},
       .parameters = {{"share", 0.75, "share of nf_conntrack_max", "time to act"},
                      {"full_share", 0.9, "share of nf_conntrack_max", "from there on it is R39"}},
       .evaluate = &ConntrackNearFull},
      {.number = "R41",
       .id = "neighbour-table-pressure",
       .title = "the table of neighbours (ARP, NDP) is full or nearly so",
       .symptom = "connects to hosts of the same network fail or wait; the kernel logs \"neighbour "
                  "table overflow\"",
       .cause = "more neighbours than gc_thresh3, or a scan of a large network",
       .fixes = {"`tcpfleet sysctl plan --set net.ipv4.neigh.default.gc_thresh1=4096 --set "
                 "net.ipv4.neigh.default.gc_thresh2=8192 --set "
                 "net.ipv4.neigh.default.gc_thresh3=16384`",
                 "divide the network"},
       .false_positives = "scans",
       .kernel = "thresholds and counters are of the host; they are seen in its first network "
                 "namespace only",
       .commands = {"ip -s neigh | wc -l", "cat /proc/net/stat/arp_cache"},
       .link = "https://man7.org/linux/man-pages/man7/arp.7.html",
       .errors = {"No buffer space available", "neighbour table overflow"},
       .needs = {"neighbours"},
       .parameters = {{"share", 0.8, "share of gc_thresh3", "a burst away"}},
       .every_namespace = false,
       .evaluate = &NeighbourPressure},
      {.number = "R45",
       .id = "system-fd-exhaustion",
       .title = "the host has nearly as many files open as it may",
       .symptom = "any program fails with \"Too many open files in system\"",
       .cause = "fs.file-max is too low for what runs here, or a program leaks (R33)",
       .fixes = {"find the process: `tcpfleet stack`, descriptors", "raise fs.file-max"},
       .false_positives = "none known",
       .kernel = "many kernels have 2^63 - 1: unlimited; root is exempt",
       .commands = {"cat /proc/sys/fs/file-nr"},
       .link = "https://man7.org/linux/man-pages/man5/proc_sys_fs.5.html",
       .errors = {"Too many open files in system", "ENFILE"},
       .needs = {"files"},
       .parameters = {{"warn_share", 0.7, "share of fs.file-max", "time to act"},
                      {"crit_share", 0.9, "share of fs.file-max", "a burst away"}},
       .every_namespace = false,
       .evaluate = &SystemFiles},
  };
}

}  // namespace tcpfleet::controller
