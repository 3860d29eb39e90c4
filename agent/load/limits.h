// What the agent's own configuration lets load runs do, and what the runs now under way have taken
// of it. A controller cannot widen these bounds; every refusal names the limit and where it is set.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ip_address.h"
#include "common/base/mutex.h"
#include "tcpfleet/v1/host.pb.h"

namespace tcpfleet::agent {

class Governor;

// A limit and where it comes from: a flag such as "--max-connections", a file, or "agent default".
template <class T>
struct Limit {
  T value;
  std::string source = "agent default";
};

// Loopback, RFC 1918, RFC 6598, 198.18.0.0/15, unique local and link-local addresses.
std::vector<base::IpNetwork> DefaultTargetNetworks();

struct AgentLoadLimits {
  Limit<std::vector<base::IpNetwork>> allowed_targets{DefaultTargetNetworks()};
  Limit<uint64_t> max_connections{100'000};
  // Operations per second; infinity means unlimited.
  Limit<double> max_rate_per_second{std::numeric_limits<double>::infinity()};
  Limit<absl::Duration> max_duration{absl::Hours(1)};
  // Infinity means unlimited, as above; a core's whole time is 1.0.
  Limit<double> max_new_connections_per_second{std::numeric_limits<double>::infinity()};
  Limit<double> max_bits_per_second{std::numeric_limits<double>::infinity()};
  Limit<double> max_cpu_cores{std::numeric_limits<double>::infinity()};
  Limit<uint64_t> min_available_memory_bytes{0};
};

// PermissionDenied unless the address lies in an allowed network. `target` is how the user named
// it, `purpose` what the agent may not do to it: "load".
absl::Status CheckTargetAllowed(const AgentLoadLimits& limits, absl::string_view purpose,
                                absl::string_view target, const base::IpAddress& address);

// ResourceExhausted when the host has less memory to give than must stay free.
absl::Status CheckAvailableMemory(const AgentLoadLimits& limits, uint64_t available_bytes);

v1::LoadLimits DescribeLoadLimits(const AgentLoadLimits& limits);
v1::Collector DescribeLoadCollector();

// What a run will take of the host. Infinite: as much as there is; 0: unknown, or none.
struct LoadWish {
  uint64_t connections = 0;
  double rate_per_second = 0;
  double new_connections_per_second = 0;
  double bits_per_second = 0;
  // The roles of one coordinated run have one token. Others may be on this agent at the same time
  // only if all of them share it.
  std::string run_token{};
  bool share_host = false;
  // For those who are refused because of this run: "crr client with 64 connections".
  std::string description{};
};

// What all runs of the agent together hold of its limits.
//
// Threads: safe. Must outlive its leases.
class LoadBudget {
 public:
  // A reservation; given back by the destructor.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease();

   private:
    friend class LoadBudget;
    Lease(LoadBudget* budget, uint64_t number) : budget_(budget), number_(number) {}
    LoadBudget* budget_ = nullptr;
    uint64_t number_ = 0;
  };

  explicit LoadBudget(const AgentLoadLimits& limits);
  ~LoadBudget();

  // ResourceExhausted when other runs hold what is missing, the limit is smaller than the wish, or
  // another run wants the agent for itself. InvalidArgument for a token above 64 bytes.
  absl::StatusOr<Lease> Reserve(LoadWish wish);

  // Bounds new connections and bits of all runs while they run; null when neither is limited.
  Governor* governor() { return governor_.get(); }

 private:
  absl::Status CheckToken(const LoadWish& wish) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckAmounts(const LoadWish& wish) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Release(uint64_t number);

  const AgentLoadLimits limits_;
  const std::unique_ptr<Governor> governor_;
  base::Mutex mutex_;
  uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<uint64_t, LoadWish> held_ ABSL_GUARDED_BY(mutex_);  // by lease
};

}  // namespace tcpfleet::agent
