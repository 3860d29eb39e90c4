#include "agent/load/workload.h"

#include "agent/load/client_worker.h"
#include "common/base/check.h"

namespace tcpfleet::agent {

int Workload::TryEarly(ClientWorker& worker, Slot& slot) { return worker.AskAgain(slot); }

std::unique_ptr<Workload> NewWorkload(const RunPlan& plan, size_t slots) {
  switch (plan.spec.workload()) {
    case v1::StressSpec::WORKLOAD_CONNECT:
      return NewConnectWorkload();
    case v1::StressSpec::WORKLOAD_CRR:
      return NewCrrWorkload(plan, slots);
    case v1::StressSpec::WORKLOAD_RR:
      return NewRrWorkload(plan, slots);
    case v1::StressSpec::WORKLOAD_HOLD:
      return NewHoldWorkload(plan);
    case v1::StressSpec::WORKLOAD_STREAM:
      return NewStreamWorkload(plan);
    default:
      base::CheckFailed(__FILE__, __LINE__, "PlanRun lets only known workloads pass");
  }
}

}  // namespace tcpfleet::agent
