#include "agent/load/load_run.h"

#include <utility>

#include "agent/load/run_control.h"
#include "agent/load/run_supervisor.h"

namespace tcpfleet::agent {

LoadRun::LoadRun(const AgentLoadLimits& limits, LoadBudget* budget,
                 std::shared_ptr<RunEventSink> sink, const LoadRunOptions& options)
    : control_(std::make_unique<RunControl>(absl::ToInt64Nanoseconds(options.lease))),
      supervisor_([limits, budget, control = control_.get(), sink = std::move(sink)] {
        sink->Done(RunSupervisor(limits, *budget, *control, *sink).Run());
      }) {}

LoadRun::~LoadRun() { Disconnect(v1::Finished::CAUSE_AGENT_STOPPING); }

void LoadRun::Handle(v1::RunRequest request) {
  control_->Heartbeat();
  switch (request.step_case()) {
    case v1::RunRequest::kHeartbeat:
      return;
    case v1::RunRequest::kStop:
      return control_->RequestStop(v1::Finished::CAUSE_STOPPED);
    default:
      control_->Push(std::move(request));
  }
}

void LoadRun::Disconnect(v1::Finished::Cause cause) { control_->RequestStop(cause); }

}  // namespace tcpfleet::agent
