// Connection pools that are not sized or not used well.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/diagnose/connection_pools.h"
#include "controller/diagnose/finding.h"
#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kInetDiag = "inet_diag";

// Of each two looks.
bool HoldsBetween(const ConnectionPool& pool, const std::function<bool(double, double)>& holds) {
  return std::adjacent_find(pool.groups.begin(), pool.groups.end(),
                            [&](const v1::SocketGroup* before, const v1::SocketGroup* after) {
                              return !holds(CountIn(*before, "ESTAB"), CountIn(*after, "ESTAB"));
                            }) == pool.groups.end();
}

absl::string_view NameOfLife(const PoolTurnover& turnover) {
  switch (turnover.bound) {
    case PoolTurnover::kAtLeast:
      return "life_at_least";
    case PoolTurnover::kAtMost:
      return "life_at_most";
    default:
      return "life";
  }
}

// Of the pools of one host.
class PoolJudge {
 public:
  PoolJudge(const HostObservation& host, const RuleParameters& parameters)
      : host_(host), parameters_(parameters), pools_(PoolsOf(host)) {}

  Findings Judge() {
    for (const ConnectionPool& pool : pools_) {
      FindLeak(pool);
      if (pool.size() < parameters_["sockets"]) continue;
      FindUnused(pool);
      FindShortLife(pool);
    }
    FindSkew();
    return UnlessIncomplete(std::move(findings_), undecided_);
  }

 private:
  v1::Finding& Add(FindingSeverity severity, const ConnectionPool& pool, absl::string_view title,
                   absl::string_view cause);
  void Doubt(const ConnectionPool& pool, absl::string_view what, absl::string_view why) {
    undecided_.Update(
        absl::FailedPreconditionError(absl::StrCat(pool.Text(), " ", what, ": ", why)));
  }

  void FindLeak(const ConnectionPool& pool);
  void FindUnused(const ConnectionPool& pool);
  void FindSaturated(const ConnectionPool& pool);
  void FindShortLife(const ConnectionPool& pool);
  void FindSkew();

  const HostObservation& host_;
  const RuleParameters& parameters_;
  const std::vector<ConnectionPool> pools_;
  std::vector<v1::Finding> findings_;
  absl::Status undecided_;  // of the first pool that may be ill
};

v1::Finding& PoolJudge::Add(FindingSeverity severity, const ConnectionPool& pool,
                            absl::string_view title, absl::string_view cause) {
  v1::Finding& finding = findings_.emplace_back(NewFinding(severity, pool.Text()));
  finding.set_title(std::string(title));
  finding.set_cause(std::string(cause));
  const double size = pool.size();
  AddNumber(finding, kInetDiag, "size_before", pool.first_size(), "sockets");
  AddNumber(finding, kInetDiag, "size", size, "sockets");
  const std::optional<double> resting = RestingIn(host_, pool, parameters_["rest_seconds"]);
  if (resting && size > 0) {
    AddNumber(finding, kInetDiag, "resting", *resting / size, "share of the pool");
  }
  const double close_wait = CountIn(*pool.groups.back(), "CLOSE-WAIT");
  if (close_wait > 0) {
    AddNumber(finding, kInetDiag, "close_wait", close_wait / (size + close_wait),
              "share of the pool");
  }
  if (const std::optional<PoolTurnover> turnover = TurnoverOf(host_, pool)) {
    AddNumber(finding, kInetDiag, "opened", turnover->opened_per_second, "connections/s");
    AddNumber(finding, kInetDiag, "closed", turnover->closed_per_second, "connections/s");
    AddNumber(finding, kInetDiag, NameOfLife(*turnover), turnover->life_seconds, "s");
  }
  const double closed_here = ClosedHere(host_, pool);
  if (closed_here > 0) {
    AddNumber(finding, kInetDiag, "closed_here", closed_here, "connections/s");
  }
  return finding;
}

void PoolJudge::FindLeak(const ConnectionPool& pool) {
  if (pool.size() - pool.first_size() < parameters_["growth"] ||
      !HoldsBetween(pool, std::less<>())) {
    return;
  }
  const absl::Status trend = host_.LookedAtLeast(parameters_["snapshots"]);
  if (!trend.ok()) return Doubt(pool, "may only grow", trend.message());
  Add(FindingSeverity::kWarn, pool, "a pool of connections only grows",
      "connections are borrowed and not given back, or the pool has no limit");
}

void PoolJudge::FindUnused(const ConnectionPool& pool) {
  const std::optional<double> unused = RestingIn(host_, pool, parameters_["idle_seconds"]);
  const std::optional<double> resting = RestingIn(host_, pool, parameters_["rest_seconds"]);
  if (!unused || !resting) {
    return Doubt(pool, "may have too many or too few",
                 "the agent did not count connections that rest");
  }
  const double threshold = parameters_["idle_share"] * pool.size();
  if (*unused >= threshold) {
    v1::Finding& finding =
        Add(FindingSeverity::kInfo, pool, "a pool keeps far more connections than it uses",
            "its least or greatest size is set too high");
    AddNumber(finding, kInetDiag, "idle", *unused, "sockets", threshold);
  }
  if (*resting < parameters_["busy_share"] * pool.size()) FindSaturated(pool);
}

// All of them are in use.
void PoolJudge::FindSaturated(const ConnectionPool& pool) {
  if (!HoldsBetween(pool, std::equal_to<>())) return;
  const absl::Status trend = host_.LookedAtLeast(parameters_["snapshots"]);
  if (!trend.ok()) return Doubt(pool, "may be at its limit", trend.message());
  v1::Finding& finding = Add(FindingSeverity::kInfo, pool,
                             "a pool may be at its limit: all of its connections are in use",
                             "its greatest size is too low, or the peer answers slowly");
  finding.set_confidence("low");
  finding.set_caveat("a program may just keep all of its connections busy");
}

void PoolJudge::FindShortLife(const ConnectionPool& pool) {
  const std::optional<PoolTurnover> turnover = TurnoverOf(host_, pool);
  if (!turnover) {
    return Doubt(pool, "may lose its connections early",
                 "which of them lived from one look to the next is not known");
  }
  if (turnover->bound == PoolTurnover::kAtLeast || turnover->life_seconds > parameters_["life"] ||
      ClosedHere(host_, pool) > parameters_["here_share"] * turnover->closed_per_second) {
    return;
  }
  v1::Finding& finding =
      Add(FindingSeverity::kInfo, pool, "a peer closes a pool's connections within seconds",
          "the peer's keep-alive time is short, or it allows few requests for each connection");
  finding.set_caveat("connections that this end resets look the same");
  finding.add_fixes("raise keep-alive time and requests per connection at the peer");
}

void PoolJudge::FindSkew() {
  std::map<std::pair<std::string, uint32_t>, std::vector<const ConnectionPool*>> services;
  for (const ConnectionPool& pool : pools_) services[{pool.owner, pool.port}].push_back(&pool);
  for (const auto& [service, peers] : services) {
    if (static_cast<double>(peers.size()) < parameters_["peers"]) continue;
    std::vector<double> sizes;
    for (const ConnectionPool* pool : peers) sizes.push_back(pool->size());
    const auto middle = sizes.begin() + static_cast<ptrdiff_t>(sizes.size() / 2);
    std::nth_element(sizes.begin(), middle, sizes.end());
    const double threshold = std::max(parameters_["sockets"], parameters_["skew"] * *middle);
    for (const ConnectionPool* pool : peers) {
      if (pool->size() < threshold) continue;
      v1::Finding& finding = Add(
          FindingSeverity::kInfo, *pool, "one of several peers has most of a process's connections",
          "connections are not spread evenly, or this peer answers more slowly");
      AddNumber(finding, kInetDiag, "median_of_peers", *middle, "sockets");
    }
  }
}

Findings PoolHealth(const HostObservation& host, const RuleParameters& parameters) {
  TF_RETURN_IF_ERROR(host.Sockets().status());
  TF_RETURN_IF_ERROR(host.LookedAtLeast(2));
  return PoolJudge(host, parameters).Judge();
}

}  // namespace

std::vector<DiagnosisRule> PoolRules() {
  return {
      {.number = "R48",
       .id = "pool-health",
       .title = "a connection pool is not well sized",
       .symptom = "requests wait for a connection or a handshake, or a server has many connections "
                  "it does not need",
       .cause = "the pool's limits, or how it is used",
       .fixes = {"set the pool's least, greatest and idle sizes by what is in use at peak",
                 "give borrowed connections back on every path, also after errors",
                 "limit the life of connections, so that they spread over peers again"},
       .false_positives = "programs that have just started",
       .kernel =
           "the largest groups by peer are looked at, not all. Connections that came and went "
           "are counted in pools of up to 64, and estimated from 64 of larger ones; those "
           "that lived only between two looks are not seen",
       .commands = {"tcpfleet snapshot --group-by process,dst --processes"},
       .link = "https://github.com/brettwooldridge/HikariCP/wiki/About-Pool-Sizing",
       .errors = {"Timeout waiting for connection from pool", "pool exhausted",
                  "Connection is not available, request timed out"},
       .needs = {"sockets"},
       .rests = {"rest_seconds", "idle_seconds"},
       .parameters = {{"sockets", 20, "sockets", "smaller pools cost nothing"},
                      {"snapshots", 5, "snapshots", "fewer show no trend"},
                      {"growth", 10, "sockets", "a program that starts opens a few"},
                      {"idle_seconds", 300, "s", "longer than a lull"},
                      {"idle_share", 0.8, "share of the pool", "a fifth would do"},
                      {"rest_seconds", 30, "s", "a connection in use is used more often"},
                      {"busy_share", 0.05, "share of the pool", "hardly any is free"},
                      {"life", 5, "s", "shorter ones save few handshakes"},
                      {"here_share", 0.5, "share of those closed", "else it is R12"},
                      {"peers", 3, "peers", "two may differ by nature"},
                      {"skew", 3, "times the median", "more than chance"}},
       .evaluate = &PoolHealth},
  };
}

}  // namespace tcpfleet::controller
