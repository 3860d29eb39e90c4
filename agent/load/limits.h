// What the agent's own configuration lets load runs do, and what the runs now under way have taken
// of it. A controller cannot widen these bounds; every refusal names the limit and where it is set.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ip_address.h"
#include "common/base/mutex.h"
#include "tcpfleet/v1/host.pb.h"

namespace tcpfleet::agent {

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
};

// PermissionDenied unless every address lies in an allowed network. `target` is how the user named
// it.
absl::Status CheckTargetAllowed(const AgentLoadLimits& limits, absl::string_view target,
                                const base::IpAddress& address);

v1::LoadLimits DescribeLoadLimits(const AgentLoadLimits& limits);
v1::Collector DescribeLoadCollector();

// Connections and rate reserved by all runs of the agent together.
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
    Lease(LoadBudget* budget, uint64_t connections, double rate)
        : budget_(budget), connections_(connections), rate_(rate) {}
    LoadBudget* budget_ = nullptr;
    uint64_t connections_ = 0;
    double rate_ = 0;
  };

  explicit LoadBudget(const AgentLoadLimits& limits)
      : max_connections_(limits.max_connections), max_rate_(limits.max_rate_per_second) {}

  // ResourceExhausted when another run holds what is missing, or the limit is smaller than the
  // wish. Infinite `rate` means as fast as it goes.
  absl::StatusOr<Lease> Reserve(uint64_t connections, double rate);

 private:
  void Release(uint64_t connections, double rate);

  const Limit<uint64_t> max_connections_;
  const Limit<double> max_rate_;
  base::Mutex mutex_;
  uint64_t connections_ ABSL_GUARDED_BY(mutex_) = 0;
  double rate_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace tcpfleet::agent
