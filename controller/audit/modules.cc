#include "controller/audit/modules.h"

#include <absl/strings/str_split.h>

#include <algorithm>

namespace tcpfleet::controller {
namespace {

constexpr char kCongestion[] = "net/ipv4/tcp_available_congestion_control";
constexpr ModuleEvidence kModules[] = {
    {"br_netfilter", "net/bridge/bridge-nf-call-iptables", ""},
    {"ip_vs", "net/ipv4/vs/conntrack", ""},
    {"ipv6", "net/ipv6/conf/all/disable_ipv6", ""},
    {"nf_conntrack", "net/netfilter/nf_conntrack_max", ""},
    {"sctp", "net/sctp/rto_min", ""},
    {"tcp_bbr", kCongestion, "bbr"},
    {"tcp_cubic", kCongestion, "cubic"},
    {"tcp_dctcp", kCongestion, "dctcp"},
};

}  // namespace

absl::Span<const ModuleEvidence> KnownModules() { return kModules; }

std::vector<std::string> KnownModuleNames() {
  std::vector<std::string> names;
  for (const ModuleEvidence& evidence : kModules) names.emplace_back(evidence.module);
  return names;
}

const ModuleEvidence* EvidenceOf(absl::string_view module) {
  const auto* const found =
      std::find_if(std::begin(kModules), std::end(kModules),
                   [&](const ModuleEvidence& evidence) { return evidence.module == module; });
  return found == std::end(kModules) ? nullptr : found;
}

std::set<std::string> LoadedModules(const SysctlList& sysctls) {
  std::set<std::string> loaded;
  for (const ModuleEvidence& evidence : kModules) {
    const v1::Sysctl* const sysctl = sysctls.Find(std::string(evidence.key));
    if (sysctl == nullptr) continue;
    const std::vector<std::string> words =
        absl::StrSplit(sysctl->value(), absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (evidence.word.empty() ||
        std::find(words.begin(), words.end(), evidence.word) != words.end()) {
      loaded.emplace(evidence.module);
    }
  }
  return loaded;
}

}  // namespace tcpfleet::controller
