#include "agent/load/limits.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "common/sys/rlimit.h"

namespace tcpfleet::agent {
namespace {

std::vector<std::string> NetworkNames(const AgentLoadLimits& limits) {
  std::vector<std::string> names;
  for (const base::IpNetwork& network : limits.allowed_targets.value) {
    names.push_back(network.ToString());
  }
  return names;
}

}  // namespace

std::vector<base::IpNetwork> DefaultTargetNetworks() {
  std::vector<base::IpNetwork> networks;
  for (const char* text :
       {"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
        "198.18.0.0/15", "169.254.0.0/16", "fc00::/7", "fe80::/10"}) {
    absl::StatusOr<base::IpNetwork> network = base::IpNetwork::Parse(text);
    TF_CHECK(network.ok());
    networks.push_back(*network);
  }
  return networks;
}

absl::Status CheckTargetAllowed(const AgentLoadLimits& limits, absl::string_view target,
                                const base::IpAddress& address) {
  const std::vector<base::IpNetwork>& allowed = limits.allowed_targets.value;
  const bool contained =
      std::any_of(allowed.begin(), allowed.end(),
                  [&](const base::IpNetwork& network) { return network.Contains(address); });
  if (contained) return absl::OkStatus();
  const std::string text = address.ToString();
  return absl::PermissionDeniedError(
      absl::StrCat("target ", target, target == text ? "" : absl::StrCat(" (", text, ")"),
                   " is outside the networks this agent may load (", limits.allowed_targets.source,
                   "): ", absl::StrJoin(NetworkNames(limits), " ")));
}

v1::LoadLimits DescribeLoadLimits(const AgentLoadLimits& limits) {
  v1::LoadLimits proto;
  for (std::string& name : NetworkNames(limits)) proto.add_allowed_targets(std::move(name));
  proto.set_max_connections(limits.max_connections.value);
  if (std::isfinite(limits.max_rate_per_second.value)) {
    proto.set_max_rate_per_second(limits.max_rate_per_second.value);
  }
  proto.set_max_duration_seconds(absl::ToDoubleSeconds(limits.max_duration.value));
  proto.set_max_open_files(sys::OpenFileLimit().value_or(0));
  return proto;
}

v1::Collector DescribeLoadCollector() {
  v1::Collector collector;
  collector.set_name("load");
  collector.set_level(v1::Collector::LEVEL_FULL);
  return collector;
}

LoadBudget::Lease::Lease(Lease&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)),
      connections_(other.connections_),
      rate_(other.rate_) {}

LoadBudget::Lease& LoadBudget::Lease::operator=(Lease&& other) noexcept {
  std::swap(budget_, other.budget_);
  std::swap(connections_, other.connections_);
  std::swap(rate_, other.rate_);
  return *this;
}

LoadBudget::Lease::~Lease() {
  if (budget_ != nullptr) budget_->Release(connections_, rate_);
}

absl::StatusOr<LoadBudget::Lease> LoadBudget::Reserve(uint64_t connections, double rate) {
  base::MutexLock lock(mutex_);
  const auto taken = [](auto amount) {
    return amount == 0 ? "" : absl::StrCat(", of which other runs hold ", amount);
  };
  if (connections > max_connections_.value - connections_) {
    return absl::ResourceExhaustedError(absl::StrCat(
        connections, " connections exceed the agent's limit of ", max_connections_.value, " (",
        max_connections_.source, ")", taken(connections_)));
  }
  if (std::isinf(max_rate_.value)) rate = 0;
  if (rate_ + rate > max_rate_.value) {
    const std::string wish =
        std::isinf(rate) ? "a run without a rate" : absl::StrCat(rate, " operations/s");
    return absl::ResourceExhaustedError(absl::StrCat(wish, " exceeds the agent's limit of ",
                                                     max_rate_.value, " operations/s (",
                                                     max_rate_.source, ")", taken(rate_)));
  }
  connections_ += connections;
  rate_ += rate;
  return Lease(this, connections, rate);
}

void LoadBudget::Release(uint64_t connections, double rate) {
  base::MutexLock lock(mutex_);
  connections_ -= connections;
  rate_ -= rate;
}

}  // namespace tcpfleet::agent
