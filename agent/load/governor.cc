#include "agent/load/governor.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>

#include "agent/kernel/memory.h"
#include "common/base/status_macros.h"
#include "common/sys/thread.h"

namespace tcpfleet::agent {
namespace {

// What anything costs at most, nanoseconds: later than any run ends.
constexpr double kMostCostNs = 1e15;

int64_t EarnedAfter(int64_t earned_at_ns, int64_t now_ns, double cost_ns) {
  return std::max(earned_at_ns, now_ns - RateLimiter::kBurstNs) +
         static_cast<int64_t>(std::ceil(std::fmin(cost_ns, kMostCostNs)));
}

}  // namespace

void RateLimiter::Spend(int64_t now_ns, double units) {
  int64_t earned = ready_at_ns();
  while (!earned_at_ns_.compare_exchange_weak(
      earned, EarnedAfter(earned, now_ns, units * ns_per_unit_), std::memory_order_relaxed)) {
  }
}

bool RateLimiter::Take(int64_t now_ns, double units) {
  int64_t earned = ready_at_ns();
  do {
    if (earned > now_ns) return false;
  } while (!earned_at_ns_.compare_exchange_weak(
      earned, EarnedAfter(earned, now_ns, units * ns_per_unit_), std::memory_order_relaxed));
  return true;
}

Governor::Governor(const AgentLoadLimits& limits) {
  const auto limit = [](const Limit<double>& most, std::optional<RateLimiter>& limiter) {
    if (std::isfinite(most.value)) limiter.emplace(most.value);
  };
  limit(limits.max_new_connections_per_second, opens_);
  limit(limits.max_bits_per_second, bits_);
}

HostWatch::HostWatch(const AgentLoadLimits& limits, int64_t now_ns, int64_t cpu_ns)
    : limits_(limits), window_begin_ns_(now_ns), window_cpu_ns_(cpu_ns) {}

absl::Status HostWatch::Check(int64_t now_ns, int64_t cpu_ns,
                              std::optional<uint64_t> available_memory) {
  if (available_memory) {
    TF_RETURN_IF_ERROR(CheckAvailableMemory(limits_, *available_memory));
  }
  if (now_ns - window_begin_ns_ < kCpuWindowNs) return absl::OkStatus();
  const double cores =
      static_cast<double>(cpu_ns - window_cpu_ns_) / static_cast<double>(now_ns - window_begin_ns_);
  window_begin_ns_ = now_ns;
  window_cpu_ns_ = cpu_ns;
  const Limit<double>& most = limits_.max_cpu_cores;
  if (cores <= most.value) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrFormat("the agent used %.2f CPU cores, more than its limit of %g (%s)", cores,
                      most.value, most.source));
}

absl::Status HostWatch::Check(int64_t now_ns) {
  std::optional<uint64_t> available;
  if (limits_.min_available_memory_bytes.value > 0) {
    if (const auto memory = ReadAvailableMemory(); memory.ok()) available = *memory;
  }
  return Check(now_ns, sys::ProcessCpuNs(), available);
}

}  // namespace tcpfleet::agent
