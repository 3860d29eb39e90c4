#include "controller/stack/change.h"

#include <algorithm>

namespace tcpfleet::controller {
namespace {

constexpr double kNsPerSecond = 1e9;

}  // namespace

const v1::KernelSnapshot& LatestOf(const v1::StackHost& host) {
  return host.has_last() ? host.last() : host.first();
}

StackInterval IntervalOf(const v1::StackHost& host) {
  StackInterval interval;
  if (!host.has_last()) return interval;
  if (host.first().boot_id() != host.last().boot_id()) {
    interval.why_not = "the host was rebooted in between";
  } else if (host.last().monotonic_ns() <= host.first().monotonic_ns()) {
    interval.why_not = "the host's clock did not move in between";
  } else {
    interval.seconds = (static_cast<double>(host.last().monotonic_ns()) -
                        static_cast<double>(host.first().monotonic_ns())) /
                       kNsPerSecond;
  }
  return interval;
}

const v1::NamespaceStatistics* BeforeOf(const v1::NamespaceStatistics& now,
                                        const v1::StackHost& host) {
  if (!IntervalOf(host).known()) return nullptr;
  const auto found =
      std::find_if(host.first().namespaces().begin(), host.first().namespaces().end(),
                   [&](const v1::NamespaceStatistics& one) {
                     return one.network_namespace() == now.network_namespace();
                   });
  return found == host.first().namespaces().end() ? nullptr : &*found;
}

std::vector<CounterMove> Moves(const CounterMap& before, const CounterMap& after) {
  std::vector<CounterMove> moves;
  for (const auto& [name, value] : after) {
    const auto found = before.find(name);
    if (found == before.end() || found->second == value) continue;
    moves.push_back({name, found->second, value});
  }
  std::sort(moves.begin(), moves.end(),
            [](const CounterMove& a, const CounterMove& b) { return a.name < b.name; });
  return moves;
}

}  // namespace tcpfleet::controller
