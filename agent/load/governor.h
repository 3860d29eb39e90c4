// Holds the load of all runs of the agent within the host's limits while they run: new connections
// and bits per second by making them wait, CPU time and memory by ending the run.
//
//   Governor* governor = budget.governor();  // null: nothing is limited
//   if (governor != nullptr && !governor->MayOpen(now_ns)) return
//   WaitUntil(governor->open_at_ns());
#pragma once

#include <absl/status/status.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "agent/load/limits.h"

namespace tcpfleet::agent {

// So many units per second of all threads together, counted by the time at which what was spent is
// earned. What is not spent within kBurstNs is lost.
//
// Threads: safe, without locks.
class RateLimiter {
 public:
  static constexpr int64_t kBurstNs = 10'000'000;

  explicit RateLimiter(double units_per_second) : ns_per_unit_(1e9 / units_per_second) {}

  int64_t ready_at_ns() const { return earned_at_ns_.load(std::memory_order_relaxed); }
  bool IsReady(int64_t now_ns) const { return ready_at_ns() <= now_ns; }
  // May go into debt; then nothing is ready until it is paid.
  void Spend(int64_t now_ns, double units);
  // Spends if it is ready.
  bool Take(int64_t now_ns, double units);

 private:
  const double ns_per_unit_;
  std::atomic<int64_t> earned_at_ns_{0};
};

// Threads: safe.
class Governor {
 public:
  explicit Governor(const AgentLoadLimits& limits);

  // Takes one of the new connections there may be now; when not, ask again at open_at_ns.
  bool MayOpen(int64_t now_ns) { return !opens_ || opens_->Take(now_ns, 1); }
  int64_t open_at_ns() const { return opens_ ? opens_->ready_at_ns() : 0; }

  // One send() of any size may be made; what it moved is told afterwards.
  bool MaySend(int64_t now_ns) const { return !bits_ || bits_->IsReady(now_ns); }
  int64_t send_at_ns() const { return bits_ ? bits_->ready_at_ns() : 0; }
  void CountSent(int64_t now_ns, size_t bytes) {
    if (bits_) bits_->Spend(now_ns, 8.0 * static_cast<double>(bytes));
  }

 private:
  std::optional<RateLimiter> opens_;
  std::optional<RateLimiter> bits_;
};

// The host's CPU time and memory during one run. One per supervisor, asked once per interval.
class HostWatch {
 public:
  // CPU time is judged over at least so long.
  static constexpr int64_t kCpuWindowNs = 1'000'000'000;

  // `limits` outlives the watch; `cpu_ns` is the CPU time of the whole agent so far.
  HostWatch(const AgentLoadLimits& limits, int64_t now_ns, int64_t cpu_ns);

  // ResourceExhausted, with one line for a person, when the run must end. What is not known is not
  // judged.
  absl::Status Check(int64_t now_ns, int64_t cpu_ns, std::optional<uint64_t> available_memory);
  // The same, with what the host says now.
  absl::Status Check(int64_t now_ns);

 private:
  const AgentLoadLimits& limits_;
  int64_t window_begin_ns_;
  int64_t window_cpu_ns_;
};

}  // namespace tcpfleet::agent
