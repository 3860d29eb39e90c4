// One run of one agent in one role, from Prepare to Finished.
//
//   sink  <- events - supervisor thread - plan, workers, reports
//   Handle/Disconnect - RunControl - supervisor, load threads
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <memory>
#include <thread>

#include "agent/load/limits.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

class RunControl;

// Where a run's events go. Called by the run's supervisor thread only.
class RunEventSink {
 public:
  virtual ~RunEventSink() = default;
  // Nothing waits to be written.
  virtual bool Ready() = 0;
  // Queues the event; never blocks.
  virtual void Send(v1::RunResponse event) = 0;
  // The last call, exactly once. Not OK: the run was refused or broke off without Finished.
  virtual void Done(absl::Status status) = 0;
};

struct LoadRunOptions {
  // Without any message for so long, the run ends.
  absl::Duration lease = absl::Seconds(3);
};

// Threads: all functions from any thread; only the destructor blocks (until the supervisor has
//          joined the load threads, or until the resolver gives up on a name). Must not be
//          destroyed from within a call to the sink.
// Errors:  given to RunEventSink::Done: InvalidArgument (field named), PermissionDenied and
//          ResourceExhausted (limit named), NotFound (target does not resolve), FailedPrecondition
//          (messages in a wrong order), ResourceExhausted (descriptors).
class LoadRun {
 public:
  LoadRun(const AgentLoadLimits& limits, LoadBudget* budget, std::shared_ptr<RunEventSink> sink,
          const LoadRunOptions& options = {});
  // Stops and joins.
  ~LoadRun();
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  // Prepare, Start, Heartbeat, Stop; each renews the lease.
  void Handle(v1::RunRequest request);
  // The stream broke, or the agent is stopping: ends the run now and resets its sockets.
  void Disconnect(v1::Finished::Cause cause);

 private:
  const std::unique_ptr<RunControl> control_;
  std::jthread supervisor_;  // last member: joins before the rest dies
};

}  // namespace tcpfleet::agent
