#pragma once

#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "controller/fleet/agent_client.h"

namespace tcpfleet::controller {

inline constexpr int64_t kHeartbeatPeriodNs = 1'000'000'000;

// The thread that renews the agents' leases, whatever else the controller is busy with.
//
// Threads: all functions from the owner's thread.
// Bounds:  one message per call and second; a call that does not take it is left out that time.
class Heartbeats {
 public:
  explicit Heartbeats(base::Clock& clock);
  ~Heartbeats() { Stop(); }

  // `call` outlives Stop().
  void Add(RunCall* call) ABSL_LOCKS_EXCLUDED(mutex_);
  // Idempotent.
  void Stop();

 private:
  void Loop(const std::stop_token& stop);

  base::Clock& clock_;
  base::Mutex mutex_;
  std::vector<RunCall*> calls_ ABSL_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace tcpfleet::controller
