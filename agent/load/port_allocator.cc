#include "agent/load/port_allocator.h"

#include <absl/strings/str_cat.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>
#include <utility>

#include "agent/load/local_ports.h"
#include "agent/load/plan.h"
#include "agent/load/schedule.h"
#include "agent/load/source_addresses.h"
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/sys/tcp_socket.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::agent {
namespace {

bool KernelHasRangeOption() {
  static const bool has = [] {
    const sys::UniqueFd fd(sys::NewTcpSocket(AF_INET));
    return fd.valid() && sys::SetOnlyLocalPort(fd.get(), 40'000) == 0;
  }();
  return has;
}

// Takes out the addresses no source can reach.
absl::Status KeepReachable(RunPlan& plan) {
  const PortPlan& ports = plan.ports;
  for (size_t t = 0; t < plan.targets.size(); ++t) {
    PlannedTarget& target = plan.targets[t];
    PlannedTarget kept;
    for (size_t a = 0; a < target.addresses.size(); ++a) {
      const bool is_v4 = target.addresses[a].family() == AF_INET;
      if (is_v4 ? ports.sources_v4.empty() : ports.sources_v6.empty()) continue;
      kept.endpoints.push_back(target.endpoints[a]);
      kept.addresses.push_back(target.addresses[a]);
    }
    if (kept.addresses.empty()) {
      const bool is_v4 = target.addresses[0].family() == AF_INET;
      return absl::InvalidArgumentError(absl::StrCat(
          "target ", plan.spec.targets(static_cast<int>(t)).host(), " has only ",
          is_v4 ? "IPv4" : "IPv6", " addresses, and no source is one: name a source of its kind"));
    }
    target = std::move(kept);
  }
  return absl::OkStatus();
}

void NumberDestinations(RunPlan& plan) {
  std::map<base::Endpoint, uint32_t> numbers;
  for (const PlannedTarget& target : plan.targets) {
    std::vector<uint32_t>& destinations = plan.ports.destinations.emplace_back();
    for (const base::Endpoint& endpoint : target.endpoints) {
      destinations.push_back(
          numbers.emplace(endpoint, static_cast<uint32_t>(numbers.size())).first->second);
    }
  }
}

// The most connections of one destination, when all answer at their first address.
double MostConnections(const RunPlan& plan) {
  std::map<uint32_t, double> by_destination;
  double weights = 0;
  const auto weight = [&](size_t t) {
    return std::max(1u, plan.spec.targets(static_cast<int>(t)).weight());
  };
  for (size_t t = 0; t < plan.targets.size(); ++t) {
    by_destination[plan.ports.destinations[t][0]] += weight(t);
    weights += weight(t);
  }
  double most = 0;
  for (const auto& [destination, share] : by_destination) most = std::max(most, share);
  return plan.spec.connections() * most / weights;
}

bool OwnChoicePays(const RunPlan& plan, size_t usable_ports) {
  const bool reconnects = plan.spec.workload() == v1::StressSpec::WORKLOAD_CONNECT ||
                          plan.spec.workload() == v1::StressSpec::WORKLOAD_CRR;
  if (reconnects && !plan.close_with_reset) return true;
  if (!plan.ports.sources.empty()) return true;
  return MostConnections(plan) > static_cast<double>(usable_ports) / 2;
}

}  // namespace

absl::Status PlanPorts(RunPlan& plan) {
  if (!plan.is_client) return absl::OkStatus();
  PortPlan& ports = plan.ports;
  if (plan.spec.sources_size() > 0) {
    const std::vector<std::string> sources(plan.spec.sources().begin(), plan.spec.sources().end());
    TF_ASSIGN_OR_RETURN(ports.sources, ResolveSources(sources));
    for (const base::IpAddress& source : ports.sources) {
      (source.is_v4() ? ports.sources_v4 : ports.sources_v6)
          .push_back(sys::ToSocketAddress({source, 0}));
    }
    TF_RETURN_IF_ERROR(KeepReachable(plan));
  }
  NumberDestinations(plan);
  const v1::StressSpec::PortChoice choice = plan.spec.port_choice();
  if (choice == v1::StressSpec::PORT_CHOICE_KERNEL) return absl::OkStatus();
  TF_ASSIGN_OR_RETURN(LocalPorts local, ReadLocalPorts());
  ports.own_choice =
      choice == v1::StressSpec::PORT_CHOICE_OWN || OwnChoicePays(plan, local.usable.size());
  if (!ports.own_choice) return absl::OkStatus();
  ports.has_range_option = KernelHasRangeOption();
  ports.usable = std::move(local.usable);
  return absl::OkStatus();
}

PortPool::PortPool(uint32_t places, uint32_t first)
    : free_((places + 63) / 64, ~uint64_t{0}), free_count_(places), next_(first) {
  if (places % 64 != 0) free_.back() >>= 64 - places % 64;
}

uint32_t PortPool::Take() {
  TF_CHECK(!empty());
  size_t word = next_ / 64;
  uint64_t candidates = free_[word] & ~uint64_t{0} << (next_ % 64);
  while (candidates == 0) {
    word = word + 1 == free_.size() ? 0 : word + 1;
    candidates = free_[word];
  }
  const int bit = __builtin_ctzll(candidates);
  free_[word] &= ~(uint64_t{1} << bit);
  --free_count_;
  const auto place = static_cast<uint32_t>(word * 64 + static_cast<size_t>(bit));
  next_ = (place + 1) / 64 == free_.size() ? 0 : place + 1;
  return place;
}

void PortPool::GiveBack(uint32_t place) {
  const uint64_t bit = uint64_t{1} << (place % 64);
  TF_CHECK((free_[place / 64] & bit) == 0);
  free_[place / 64] |= bit;
  ++free_count_;
}

PortAllocator::PortAllocator(const RunPlan& plan, uint32_t worker)
    : plan_(plan), options_(plan.options), worker_(worker), turn_(worker) {}

int PortAllocator::Connect(int fd, uint32_t target, uint32_t address, PortLease& lease) {
  const PortPlan& ports = plan_.ports;
  const sys::SocketAddress& to = plan_.targets[target].addresses[address];
  const std::vector<sys::SocketAddress>& sources =
      to.family() == AF_INET ? ports.sources_v4 : ports.sources_v6;
  if (sources.empty() && !ports.own_choice) return sys::Connect(fd, to);

  for (size_t n = std::max<size_t>(1, sources.size()); n > 0; --n) {
    const auto number = sources.empty() ? 0 : turn_++ % static_cast<uint32_t>(sources.size());
    const sys::SocketAddress* source = sources.empty() ? nullptr : &sources[number];
    if (!ports.own_choice) return ConnectByKernel(fd, source, to);
    const uint32_t pool = PoolOf(ports.destinations[target][address], number);
    if (!pools_[pool].empty()) return ConnectFromPool(fd, source, pool, to, lease);
  }
  return EADDRNOTAVAIL;
}

int PortAllocator::ConnectFromPool(int fd, const sys::SocketAddress* source, uint32_t pool,
                                   const sys::SocketAddress& to, PortLease& lease) {
  for (int tries = 0; tries < kMostTries && !pools_[pool].empty(); ++tries) {
    const uint32_t place = pools_[pool].Take();
    const int error = ConnectFromPort(fd, source, PortAt(place), to);
    if (error == 0 || error == EINPROGRESS) {
      lease = {pool, place};
      return error;
    }
    pools_[pool].GiveBack(place);
    if (error != EADDRINUSE && error != EADDRNOTAVAIL) return error;
    if (error == EADDRNOTAVAIL && !plan_.ports.has_range_option) {
      if (const int reopened = Reopen(fd, to.family()); reopened != 0) return reopened;
    }
  }
  return ConnectByKernel(fd, source, to);
}

int PortAllocator::ConnectByKernel(int fd, const sys::SocketAddress* source,
                                   const sys::SocketAddress& to) const {
  if (plan_.ports.has_range_option) {
    if (const int error = sys::SetOnlyLocalPort(fd, 0); error != 0) return error;
  }
  if (source != nullptr) {
    if (const int error = sys::BindAddressOnly(fd, *source); error != 0) return error;
  }
  return sys::Connect(fd, to);
}

// A socket keeps the port bind() gave it: the next port needs a new one.
int PortAllocator::Reopen(int fd, int family) const {
  const sys::UniqueFd fresh(sys::NewTcpSocket(family));
  if (!fresh.valid()) return errno;
  if (!options_.ApplyTo(fresh.get()).ok()) return EINVAL;
  return sys::ReplaceSocket(fd, fresh.get());
}

int PortAllocator::ConnectFromPort(int fd, const sys::SocketAddress* source, uint16_t port,
                                   const sys::SocketAddress& to) const {
  if (plan_.ports.has_range_option) {
    if (const int error = sys::SetOnlyLocalPort(fd, port); error != 0) return error;
    if (source != nullptr) {
      if (const int error = sys::BindAddressOnly(fd, *source); error != 0) return error;
    }
  } else {
    // The same port goes to several destinations at a time.
    if (!sys::SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1).ok()) return errno;
    const base::IpAddress any =
        to.family() == AF_INET ? base::IpAddress::V4({}) : base::IpAddress::V6({});
    const base::IpAddress address =
        source == nullptr ? any : sys::FromSocketAddress(*source).value().address;
    const int error = sys::Bind(fd, sys::ToSocketAddress({address, port}));
    if (error != 0) return error;
  }
  return sys::Connect(fd, to);
}

void PortAllocator::Release(PortLease& lease) {
  if (lease.pool != PortLease::kNoPool) pools_[lease.pool].GiveBack(lease.place);
  lease = PortLease();
}

uint32_t PortAllocator::PoolOf(uint32_t destination, uint32_t source) {
  const auto [found, is_new] = pool_numbers_.try_emplace(uint64_t{destination} << 32 | source,
                                                         static_cast<uint32_t>(pools_.size()));
  if (is_new) {
    const auto usable = static_cast<uint32_t>(plan_.ports.usable.size());
    const uint32_t places = ShareOf(usable, worker_, plan_.threads);
    // Not always the first one: what an earlier run left behind may still rest there.
    const uint32_t first = places == 0 ? 0 : static_cast<uint32_t>(base::MonotonicNowNs()) % places;
    pools_.emplace_back(places, first);
  }
  return found->second;
}

uint16_t PortAllocator::PortAt(uint32_t place) const {
  return plan_.ports.usable[worker_ + size_t{place} * plan_.threads];
}

}  // namespace tcpfleet::agent
