// The runs of this agent that have not been joined yet.
//
// Threads: all functions from any thread. StopAll waits for the runs' threads; Create only for
//          threads at their end. Owns:    the runs. A run that is done is joined when the next one
//          is created, or by StopAll.
#pragma once

#include <memory>
#include <vector>

#include "agent/load/limits.h"
#include "agent/load/load_run.h"
#include "common/base/mutex.h"

namespace tcpfleet::agent {

class RunRegistry {
 public:
  explicit RunRegistry(AgentLoadLimits limits);
  ~RunRegistry();

  // A new run whose events go to `sink`; null once StopAll was called.
  std::shared_ptr<LoadRun> Create(std::shared_ptr<RunEventSink> sink);

  // Ends every run, tells its controller that the agent is stopping, and joins it. No run is
  // created afterwards.
  void StopAll();

 private:
  struct Entry;

  const AgentLoadLimits limits_;
  LoadBudget budget_;
  base::Mutex mutex_;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tcpfleet::agent
