// The probes of this agent, each in a thread of its own.
//
// Threads: all functions from any thread. Start waits only for threads at their end; StopAll also
//          for the resolver, where a probe waits for it.
// Bounds:  kMostProbes at a time. A cancelled one counts until the resolver has let go of it.
#pragma once

#include <absl/status/statusor.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "agent/load/limits.h"
#include "agent/probe/interruptible_wait.h"
#include "agent/probe/prober.h"
#include "common/base/mutex.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostProbes = 4;

class Probes {
 public:
  explicit Probes(AgentLoadLimits limits);
  ~Probes();

  // What was returned ends the probe when it is interrupted. ResourceExhausted while kMostProbes
  // are under way, Unavailable once StopAll was called; the sink is left alone then.
  absl::StatusOr<std::shared_ptr<InterruptibleWait>> Start(ProbePlan plan,
                                                           std::shared_ptr<ProbeSink> sink);

  // Ends every probe and joins it. None is started afterwards.
  void StopAll();

 private:
  struct Entry {
    std::shared_ptr<InterruptibleWait> wait;
    std::shared_ptr<std::atomic<bool>> done;
    std::jthread thread;
  };

  const AgentLoadLimits limits_;
  std::atomic<bool> stopping_ = false;
  base::Mutex mutex_;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tcpfleet::agent
