// Packets that the host itself drops between its devices and TCP.
//
// Source: net_rx_action and enqueue_to_backlog of net/core/dev.c; RTM_GETQDISC.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/diagnose/finding.h"
#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kSoftnet = "/proc/net/softnet_stat";

using SoftnetField = uint64_t (v1::SoftnetCpu::*)() const;

absl::StatusOr<CounterChange> SoftnetChange(const HostObservation& host, uint32_t cpu,
                                            absl::string_view name, SoftnetField field) {
  return host.ChangeOf(kSoftnet, name,
                       [&](const v1::KernelSnapshot& snapshot,
                           const v1::NamespaceStatistics&) -> std::optional<uint64_t> {
                         for (const v1::SoftnetCpu& one : snapshot.host().softnet()) {
                           if (one.cpu() == cpu) return (one.*field)();
                         }
                         return std::nullopt;
                       });
}

std::string CpuText(uint32_t cpu) { return absl::StrCat("CPU ", cpu); }

Findings BudgetSqueeze(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const v1::HostStatistics* const statistics, host.Host());
  if (statistics->softnet().empty()) return host.Missing(kSoftnet);
  std::vector<v1::Finding> findings;
  for (const v1::SoftnetCpu& one : statistics->softnet()) {
    TF_ASSIGN_OR_RETURN(const CounterChange squeezes, SoftnetChange(host, one.cpu(), "time_squeeze",
                                                                    &v1::SoftnetCpu::time_squeeze));
    TF_ASSIGN_OR_RETURN(const CounterChange drops,
                        SoftnetChange(host, one.cpu(), "dropped", &v1::SoftnetCpu::dropped));
    if (static_cast<double>(squeezes.IntervalsAtLeast(parameters["per_second"])) <
        parameters["intervals"]) {
      continue;
    }
    v1::Finding& finding = findings.emplace_back(NewFinding(
        drops.delta() > 0 ? FindingSeverity::kWarn : FindingSeverity::kInfo, CpuText(one.cpu())));
    AddChange(finding, squeezes, "times", parameters["per_second"]);
    AddChange(finding, drops, "packets");
  }
  return findings;
}

Findings BacklogDrop(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const v1::HostStatistics* const statistics, host.Host());
  if (statistics->softnet().empty()) return host.Missing(kSoftnet);
  std::vector<v1::Finding> findings;
  for (const v1::SoftnetCpu& one : statistics->softnet()) {
    TF_ASSIGN_OR_RETURN(const CounterChange drops,
                        SoftnetChange(host, one.cpu(), "dropped", &v1::SoftnetCpu::dropped));
    if (drops.delta() == 0) continue;
    const bool is_critical = drops.per_second() >= parameters["crit_per_second"];
    v1::Finding& finding = findings.emplace_back(NewFinding(
        is_critical ? FindingSeverity::kCrit : FindingSeverity::kWarn, CpuText(one.cpu())));
    AddChange(finding, drops, "packets", parameters["crit_per_second"]);
  }
  return findings;
}

const v1::QdiscStatistics* FindQdisc(const v1::NamespaceStatistics& statistics, uint32_t index,
                                     const v1::QdiscStatistics& same) {
  for (const v1::InterfaceStatistics& interface : statistics.interfaces()) {
    if (interface.index() != index) continue;
    for (const v1::QdiscStatistics& one : interface.qdiscs()) {
      if (one.kind() == same.kind() && one.handle() == same.handle() &&
          one.parent() == same.parent()) {
        return &one;
      }
    }
  }
  return nullptr;
}

using QdiscField = uint64_t (v1::QdiscStatistics::*)() const;

absl::StatusOr<CounterChange> QdiscChange(const HostObservation& host, uint32_t index,
                                          const v1::QdiscStatistics& qdisc, absl::string_view name,
                                          QdiscField field) {
  return host.ChangeOf("RTM_GETQDISC", name,
                       [&](const v1::KernelSnapshot&,
                           const v1::NamespaceStatistics& statistics) -> std::optional<uint64_t> {
                         const v1::QdiscStatistics* const found =
                             FindQdisc(statistics, index, qdisc);
                         if (found == nullptr) return std::nullopt;
                         return (found->*field)();
                       });
}

Findings QdiscDrop(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const v1::NamespaceStatistics* const statistics, host.Namespace());
  const bool has_qdiscs =
      std::any_of(statistics->interfaces().begin(), statistics->interfaces().end(),
                  [](const v1::InterfaceStatistics& one) { return !one.qdiscs().empty(); });
  if (!has_qdiscs) return host.Missing("RTM_GETQDISC");
  std::vector<v1::Finding> findings;
  absl::Status complete;
  for (const v1::InterfaceStatistics& interface : statistics->interfaces()) {
    for (const v1::QdiscStatistics& qdisc : interface.qdiscs()) {
      const absl::StatusOr<CounterChange> drops =
          QdiscChange(host, interface.index(), qdisc, "drops", &v1::QdiscStatistics::drops);
      const absl::StatusOr<CounterChange> packets =
          QdiscChange(host, interface.index(), qdisc, "packets", &v1::QdiscStatistics::packets);
      if (!drops.ok() || !packets.ok()) {
        complete = absl::FailedPreconditionError(
            absl::StrCat(interface.name(), " has a queue that is not in every snapshot"));
        continue;
      }
      const auto dropped = static_cast<double>(drops->delta());
      const double all = dropped + static_cast<double>(packets->delta());
      if (dropped < parameters["packets"] || dropped < parameters["share"] * all) continue;
      v1::Finding& finding = findings.emplace_back(
          NewFinding(dropped >= parameters["warn_share"] * all ? FindingSeverity::kWarn
                                                               : FindingSeverity::kInfo,
                     absl::StrCat(interface.name(), " ", qdisc.kind(), " ", qdisc.handle())));
      AddChange(finding, *drops, "packets");
      AddChange(finding, *packets, "packets");
      AddNumber(finding, drops->source, "backlog", static_cast<double>(qdisc.backlog_packets()),
                "packets");
    }
  }
  return UnlessIncomplete(std::move(findings), complete);
}

constexpr absl::string_view kSysctls =
    "https://www.kernel.org/doc/html/latest/admin-guide/sysctl/net.html";

}  // namespace

std::vector<DiagnosisRule> DeviceRules() {
  return {
      {.number = "R42",
       .id = "softnet-budget-squeeze",
       .title = "a CPU does not finish the packets of its devices in one go",
       .symptom = "latency of everything on that CPU rises under load",
       .cause = "more packets arrive than net.core.netdev_budget allows at a time, or each costs "
                "too much: long firewall rules, one queue for all",
       .fixes = {"spread packets over CPUs: more receive queues, or RPS",
                 "shorten what every packet goes through (firewall rules)",
                 "`tcpfleet sysctl plan --set net.core.netdev_budget=600`"},
       .false_positives = "healthy busy hosts have some",
       .kernel = "counted per CPU for the whole host",
       .commands = {"cat /proc/net/softnet_stat  # third column, hexadecimal"},
       .link = kSysctls,
       .needs = {"softnet"},
       .parameters = {{"per_second", 10, "1/s", "busy hosts have a few"},
                      {"intervals", 3, "intervals between snapshots", "not a burst"}},
       .every_namespace = false,
       .evaluate = &BudgetSqueeze},
      {.number = "R43",
       .id = "softnet-backlog-drop",
       .title = "a CPU drops packets because its queue is full",
       .symptom = "retransmissions on all connections of the host",
       .cause = "packets arrive faster than the CPU takes them from its backlog",
       .fixes = {"spread packets over CPUs: more receive queues, or RPS",
                 "`tcpfleet sysctl plan --set net.core.netdev_max_backlog=5000`"},
       .false_positives = "flow_limit drops single large flows on purpose",
       .kernel = "counted per CPU for the whole host; net.core.netdev_max_backlog is 1000 by "
                 "default",
       .commands = {"cat /proc/net/softnet_stat  # second column, hexadecimal"},
       .link = kSysctls,
       .needs = {"softnet"},
       .parameters = {{"crit_per_second", 10, "1/s", "every connection feels it"}},
       .every_namespace = false,
       .evaluate = &BacklogDrop},
      {.number = "R44",
       .id = "qdisc-drop",
       .title = "packets are dropped before they leave: the device's queue is full",
       .symptom = "retransmissions of what this host sends",
       .cause = "more is sent than the device, or its shaper, lets through",
       .fixes = {"raise the shaper's rate or its queue, if it is not meant",
                 "use fq_codel or cake, which drop early and fairly"},
       .false_positives = "shaping and policing on purpose",
       .kernel = "not in /sys/class/net/*/statistics/tx_dropped",
       .commands = {"tc -s qdisc"},
       .link = "https://man7.org/linux/man-pages/man8/tc.8.html",
       .needs = {"qdiscs"},
       .parameters = {{"packets", 10, "packets", "a burst may cost a few"},
                      {"share", 0.001, "share of packets", "less is not felt"},
                      {"warn_share", 0.01, "share of packets", "throughput suffers"}},
       .evaluate = &QdiscDrop},
  };
}

}  // namespace tcpfleet::controller
