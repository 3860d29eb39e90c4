#include "agent/load/limits.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cmath>

#include "agent/load/governor.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/base/units.h"
#include "common/sys/rlimit.h"

namespace tcpfleet::agent {
namespace {

constexpr size_t kMostTokenBytes = 64;

std::vector<std::string> NetworkNames(const AgentLoadLimits& limits) {
  std::vector<std::string> names;
  for (const base::IpNetwork& network : limits.allowed_targets.value) {
    names.push_back(network.ToString());
  }
  return names;
}

// What the runs under way hold of one amount, and the wish, stay within the limit.
template <class Held, class Amount, class Value>
absl::Status CheckAmount(const Held& held_by_run, const LoadWish& wish, Amount LoadWish::*amount,
                         const Limit<Value>& limit, absl::string_view unit) {
  Value held = 0;
  for (const auto& [number, other] : held_by_run) held += other.*amount;
  const Value wanted = wish.*amount;
  // As much as there is: no trouble where there is no limit.
  if (std::isinf(static_cast<double>(limit.value)) || wanted <= limit.value - held) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      std::isinf(static_cast<double>(wanted)) ? "a run without a rate"
                                              : absl::StrCat(wanted, " ", unit),
      " would exceed the agent's limit of ", limit.value, " ", unit, " (", limit.source, ")",
      held == 0 ? "" : absl::StrCat(", of which other runs hold ", held)));
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

absl::Status CheckTargetAllowed(const AgentLoadLimits& limits, absl::string_view purpose,
                                absl::string_view target, const base::IpAddress& address) {
  const std::vector<base::IpNetwork>& allowed = limits.allowed_targets.value;
  const bool contained =
      std::any_of(allowed.begin(), allowed.end(),
                  [&](const base::IpNetwork& network) { return network.Contains(address); });
  if (contained) return absl::OkStatus();
  const std::string text = address.ToString();
  return absl::PermissionDeniedError(
      absl::StrCat("target ", target, target == text ? "" : absl::StrCat(" (", text, ")"),
                   " is outside the networks this agent may ", purpose, " (",
                   limits.allowed_targets.source, "): ", absl::StrJoin(NetworkNames(limits), " ")));
}

absl::Status CheckAvailableMemory(const AgentLoadLimits& limits, uint64_t available_bytes) {
  const Limit<uint64_t>& least = limits.min_available_memory_bytes;
  if (available_bytes >= least.value) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the host has ", base::FormatBytes(static_cast<double>(available_bytes)),
      " of memory available, less than the ", base::FormatBytes(static_cast<double>(least.value)),
      " that load must leave free (", least.source, ")"));
}

v1::LoadLimits DescribeLoadLimits(const AgentLoadLimits& limits) {
  v1::LoadLimits proto;
  for (std::string& name : NetworkNames(limits)) proto.add_allowed_targets(std::move(name));
  proto.set_max_connections(limits.max_connections.value);
  const auto set_if_limited = [&](double value, auto set) {
    if (std::isfinite(value)) (proto.*set)(value);
  };
  set_if_limited(limits.max_rate_per_second.value, &v1::LoadLimits::set_max_rate_per_second);
  proto.set_max_duration_seconds(absl::ToDoubleSeconds(limits.max_duration.value));
  set_if_limited(limits.max_new_connections_per_second.value,
                 &v1::LoadLimits::set_max_new_connections_per_second);
  set_if_limited(limits.max_bits_per_second.value, &v1::LoadLimits::set_max_bits_per_second);
  set_if_limited(limits.max_cpu_cores.value, &v1::LoadLimits::set_max_cpu_cores);
  proto.set_min_available_memory_bytes(limits.min_available_memory_bytes.value);
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
    : budget_(std::exchange(other.budget_, nullptr)), number_(other.number_) {}

LoadBudget::Lease& LoadBudget::Lease::operator=(Lease&& other) noexcept {
  std::swap(budget_, other.budget_);
  std::swap(number_, other.number_);
  return *this;
}

LoadBudget::Lease::~Lease() {
  if (budget_ != nullptr) budget_->Release(number_);
}

LoadBudget::LoadBudget(const AgentLoadLimits& limits)
    : limits_(limits),
      governor_(std::isfinite(limits.max_new_connections_per_second.value) ||
                        std::isfinite(limits.max_bits_per_second.value)
                    ? std::make_unique<Governor>(limits)
                    : nullptr) {}

LoadBudget::~LoadBudget() = default;

absl::StatusOr<LoadBudget::Lease> LoadBudget::Reserve(LoadWish wish) {
  if (wish.run_token.size() > kMostTokenBytes) {
    return absl::InvalidArgumentError(absl::StrCat("run_token has ", wish.run_token.size(),
                                                   " bytes, it may have ", kMostTokenBytes));
  }
  base::MutexLock lock(mutex_);
  TF_RETURN_IF_ERROR(CheckToken(wish));
  TF_RETURN_IF_ERROR(CheckAmounts(wish));
  const uint64_t number = next_number_++;
  held_.emplace(number, std::move(wish));
  return Lease(this, number);
}

absl::Status LoadBudget::CheckToken(const LoadWish& wish) const {
  for (const auto& [number, other] : held_) {
    if (other.run_token == wish.run_token || (other.share_host && wish.share_host)) continue;
    return absl::ResourceExhaustedError(
        absl::StrCat("another run has this agent to itself, a ", other.description,
                     ": wait for its end, or start both runs with --share"));
  }
  return absl::OkStatus();
}

absl::Status LoadBudget::CheckAmounts(const LoadWish& wish) const {
  TF_RETURN_IF_ERROR(
      CheckAmount(held_, wish, &LoadWish::connections, limits_.max_connections, "connections"));
  TF_RETURN_IF_ERROR(CheckAmount(held_, wish, &LoadWish::rate_per_second,
                                 limits_.max_rate_per_second, "operations/s"));
  TF_RETURN_IF_ERROR(CheckAmount(held_, wish, &LoadWish::new_connections_per_second,
                                 limits_.max_new_connections_per_second, "new connections/s"));
  return CheckAmount(held_, wish, &LoadWish::bits_per_second, limits_.max_bits_per_second, "bit/s");
}

void LoadBudget::Release(uint64_t number) {
  base::MutexLock lock(mutex_);
  held_.erase(number);
}

}  // namespace tcpfleet::agent
