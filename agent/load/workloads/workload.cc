#include "agent/load/workload.h"

#include "common/base/check.h"

namespace tcpfleet::agent {

std::unique_ptr<Workload> NewWorkload(const RunPlan& plan) {
  switch (plan.spec.workload()) {
    case v1::StressSpec::WORKLOAD_CONNECT:
      return NewConnectWorkload();
    case v1::StressSpec::WORKLOAD_CRR:
      return NewCrrWorkload(plan);
    case v1::StressSpec::WORKLOAD_RR:
      return NewRrWorkload(plan);
    case v1::StressSpec::WORKLOAD_HOLD:
      return NewHoldWorkload();
    default:
      base::CheckFailed(__FILE__, __LINE__, "PlanRun lets only known workloads pass");
  }
}

}  // namespace tcpfleet::agent
