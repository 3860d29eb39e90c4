// Connection pools: what one process keeps open to one peer.
//
// Source: groups by peer of every snapshot; connections that are idle.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/diagnose/finding.h"
#include "controller/diagnose/picked_connections.h"
#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kInetDiag = "inet_diag";
constexpr absl::string_view kLastDataReceived = "last_data_recv_at_ms";
constexpr absl::string_view kLastDataSent = "last_data_sent_at_ms";

// Established connections to a peer's port, snapshot by snapshot.
struct Pool {
  std::string owner;
  std::string peer;
  uint32_t port = 0;
  std::vector<double> sizes;
  // In the last snapshot.
  double close_wait = 0;
  double time_wait = 0;
  std::optional<double> resting;  // how many were not used for a while
};

double CountOf(const v1::SocketGroup& group, const std::string& state) {
  const auto found = group.states().find(state);
  return found == group.states().end() ? 0 : static_cast<double>(found->second);
}

std::string SubjectOf(const Pool& pool) {
  return absl::StrCat(pool.owner, " to ", EndpointText(pool.peer, pool.port));
}

// Those that are in every snapshot, by peer. Not every snapshot names owners.
std::vector<Pool> PoolsOf(const HostObservation& host) {
  std::map<std::pair<std::string, uint32_t>, Pool> pools;
  size_t index = 0;
  for (const v1::KernelSnapshot& snapshot : host.evidence().snapshots()) {
    for (const v1::NamespaceStatistics& statistics : snapshot.namespaces()) {
      if (statistics.network_namespace() != host.network_namespace()) continue;
      for (const v1::SocketGroup& group : statistics.sockets().peers()) {
        Pool& pool = pools[{group.peer_address(), group.peer_port()}];
        if (pool.owner.empty() || group.has_owner()) pool.owner = OwnerText(group.owner());
        pool.peer = group.peer_address();
        pool.port = group.peer_port();
        if (pool.sizes.size() == index) pool.sizes.push_back(CountOf(group, "ESTAB"));
        pool.close_wait = CountOf(group, "CLOSE-WAIT");
        pool.time_wait = CountOf(group, "TIME-WAIT");
      }
    }
    ++index;
  }
  std::vector<Pool> whole;
  for (auto& [key, pool] : pools) {
    if (pool.sizes.size() == index) whole.push_back(std::move(pool));
  }
  return whole;
}

// It grows from each snapshot to the next.
bool Grows(const Pool& pool) {
  return std::adjacent_find(pool.sizes.begin(), pool.sizes.end(), std::greater_equal<>()) ==
         pool.sizes.end();
}

bool IsConstant(const Pool& pool) {
  return std::adjacent_find(pool.sizes.begin(), pool.sizes.end(), std::not_equal_to<>()) ==
         pool.sizes.end();
}

// What this end closed in the last minute still waits.
constexpr double kTimeWaitSeconds = 60;

void AddSizes(v1::Finding& finding, const Pool& pool) {
  const double size = pool.sizes.back();
  AddNumber(finding, kInetDiag, "size_before", pool.sizes.front(), "sockets");
  AddNumber(finding, kInetDiag, "size", size, "sockets");
  if (pool.resting && size > 0) {
    AddNumber(finding, kInetDiag, "resting", *pool.resting / size, "share of the pool");
  }
  if (pool.close_wait > 0) {
    AddNumber(finding, kInetDiag, "close_wait", pool.close_wait / (size + pool.close_wait),
              "share of the pool");
  }
  if (pool.time_wait > 0) {
    AddNumber(finding, kInetDiag, "closed_here", pool.time_wait / kTimeWaitSeconds,
              "connections/s");
  }
}

void FindLeaks(const std::vector<Pool>& pools, const RuleParameters& parameters,
               std::vector<v1::Finding>& findings) {
  for (const Pool& pool : pools) {
    const double growth = pool.sizes.back() - pool.sizes.front();
    if (static_cast<double>(pool.sizes.size()) < parameters["snapshots"] || !Grows(pool) ||
        growth < parameters["growth"]) {
      continue;
    }
    v1::Finding& finding =
        findings.emplace_back(NewFinding(FindingSeverity::kWarn, SubjectOf(pool)));
    finding.set_title("a pool of connections only grows");
    finding.set_cause("connections are borrowed and not given back, or the pool has no limit");
    AddSizes(finding, pool);
  }
}

using IdleCounts = std::map<std::string, double>;

absl::StatusOr<PickedConnections> IdleConnections(const HostObservation& host, double seconds) {
  return PickConnections(host, {"ESTAB"}, {kLastDataReceived, kLastDataSent},
                         [&](const ConnectionHistory& one) {
                           return *one.SecondsSince(kLastDataReceived) >= seconds &&
                                  *one.SecondsSince(kLastDataSent) >= seconds;
                         });
}

void SetResting(const IdleCounts& rested, std::vector<Pool>& pools) {
  for (Pool& pool : pools) {
    const auto found = rested.find(EndpointText(pool.peer, pool.port));
    pool.resting = found == rested.end() ? 0 : found->second;
  }
}

IdleCounts CountByPool(const PickedConnections& idle) {
  IdleCounts counts;
  for (const ConnectionHistory* one : idle.connections) {
    ++counts[one->last().peer()];
  }
  return counts;
}

void FindOversized(const std::vector<Pool>& pools, const IdleCounts& idle,
                   const RuleParameters& parameters, std::vector<v1::Finding>& findings) {
  for (const Pool& pool : pools) {
    const auto found = idle.find(EndpointText(pool.peer, pool.port));
    const double unused = found == idle.end() ? 0 : found->second;
    const double size = pool.sizes.back();
    if (size < parameters["sockets"] || unused < parameters["idle_share"] * size) continue;
    v1::Finding& finding =
        findings.emplace_back(NewFinding(FindingSeverity::kInfo, SubjectOf(pool)));
    finding.set_title("a pool keeps far more connections than it uses");
    finding.set_cause("its least or greatest size is set too high");
    AddSizes(finding, pool);
    AddNumber(finding, kInetDiag, "idle", unused, "sockets", parameters["idle_share"] * size);
  }
}

void FindSaturated(const std::vector<Pool>& pools, const RuleParameters& parameters,
                   std::vector<v1::Finding>& findings) {
  for (const Pool& pool : pools) {
    const double size = pool.sizes.back();
    if (size < parameters["sockets"] || !IsConstant(pool) ||
        static_cast<double>(pool.sizes.size()) < parameters["snapshots"] ||
        *pool.resting >= parameters["busy_share"] * size) {
      continue;
    }
    v1::Finding& finding =
        findings.emplace_back(NewFinding(FindingSeverity::kInfo, SubjectOf(pool)));
    finding.set_title("a pool may be at its limit: all of its connections are in use");
    finding.set_cause("its greatest size is too low, or the peer answers slowly");
    finding.set_confidence("low");
    finding.set_caveat("a program may just keep all of its connections busy");
    AddSizes(finding, pool);
  }
}

void FindSkew(const std::vector<Pool>& pools, const RuleParameters& parameters,
              std::vector<v1::Finding>& findings) {
  std::map<std::pair<std::string, uint32_t>, std::vector<const Pool*>> services;
  for (const Pool& pool : pools) services[{pool.owner, pool.port}].push_back(&pool);
  for (auto& [key, peers] : services) {
    if (static_cast<double>(peers.size()) < parameters["peers"]) continue;
    std::vector<double> sizes;
    for (const Pool* pool : peers) sizes.push_back(pool->sizes.back());
    std::nth_element(sizes.begin(), sizes.begin() + static_cast<ptrdiff_t>(sizes.size() / 2),
                     sizes.end());
    const double median = sizes[sizes.size() / 2];
    for (const Pool* pool : peers) {
      const double size = pool->sizes.back();
      if (size < parameters["sockets"] || size < parameters["skew"] * median) continue;
      v1::Finding& finding =
          findings.emplace_back(NewFinding(FindingSeverity::kInfo, SubjectOf(*pool)));
      finding.set_title("one of several peers has most of a process's connections");
      finding.set_cause("connections are not spread evenly, or this peer answers more slowly");
      AddSizes(finding, *pool);
      AddNumber(finding, kInetDiag, "median_of_peers", median, "sockets",
                parameters["skew"] * median);
    }
  }
}

// Peers of what listens here are clients, not pools.
void DropServers(const v1::SocketSummary& sockets, std::vector<Pool>& pools) {
  std::set<std::string> listening;
  for (const v1::Listener& one : sockets.listeners()) listening.insert(OwnerText(one.owner()));
  pools.erase(std::remove_if(pools.begin(), pools.end(),
                             [&](const Pool& pool) {
                               return pool.port == 0 || (listening.contains(pool.owner) &&
                                                         pool.port >= sockets.port_range_low());
                             }),
              pools.end());
}

Findings PoolHealth(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const v1::SocketSummary* const sockets, host.Sockets());
  TF_ASSIGN_OR_RETURN(const PickedConnections idle,
                      IdleConnections(host, parameters["idle_seconds"]));
  TF_ASSIGN_OR_RETURN(const PickedConnections rested,
                      IdleConnections(host, parameters["rest_seconds"]));
  std::vector<Pool> pools = PoolsOf(host);
  DropServers(*sockets, pools);
  if (idle.complete.ok()) SetResting(CountByPool(rested), pools);
  std::vector<v1::Finding> findings;
  FindLeaks(pools, parameters, findings);
  if (idle.complete.ok()) {
    FindOversized(pools, CountByPool(idle), parameters, findings);
    FindSaturated(pools, parameters, findings);
  }
  FindSkew(pools, parameters, findings);
  return UnlessIncomplete(std::move(findings), idle.complete);
}

}  // namespace

std::vector<DiagnosisRule> PoolRules() {
  return {
      {.number = "R48",
       .id = "pool-health",
       .title = "a connection pool is not well sized",
       .symptom = "requests wait for a connection, or a server has many it does not need",
       .cause = "the pool's limits, or how it is used",
       .fixes = {"set the pool's least, greatest and idle sizes by what is in use at peak",
                 "give borrowed connections back on every path, also after errors",
                 "limit the life of connections, so that they spread over peers again"},
       .false_positives = "programs that have just started",
       .kernel = "the largest groups by peer are looked at, not all",
       .commands = {"tcpfleet snapshot --group-by process,dst --processes"},
       .link = "https://github.com/brettwooldridge/HikariCP/wiki/About-Pool-Sizing",
       .errors = {"Timeout waiting for connection from pool", "pool exhausted",
                  "Connection is not available, request timed out"},
       .needs = {"sockets", "connections"},
       .connections = "state established last_data_recv > {rest_seconds}s and last_data_sent > "
                      "{rest_seconds}s",
       .fields = {kLastDataReceived, kLastDataSent},
       .parameters = {{"sockets", 20, "sockets", "smaller pools cost nothing"},
                      {"snapshots", 5, "snapshots", "fewer show no trend"},
                      {"growth", 10, "sockets", "a program that starts opens a few"},
                      {"idle_seconds", 300, "s", "longer than a lull"},
                      {"idle_share", 0.8, "share of the pool", "a fifth would do"},
                      {"rest_seconds", 30, "s", "a connection in use is used more often"},
                      {"busy_share", 0.05, "share of the pool", "hardly any is free"},
                      {"peers", 3, "peers", "two may differ by nature"},
                      {"skew", 3, "times the median", "more than chance"}},
       .evaluate = &PoolHealth},
  };
}

}  // namespace tcpfleet::controller
