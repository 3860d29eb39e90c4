// crr: open, one request, one response, close. netperf calls it TCP_CRR.
#include "agent/load/client_worker.h"
#include "agent/load/workloads/exchange.h"

namespace tcpfleet::agent {
namespace {

class CrrWorkload final : public Workload {
 public:
  explicit CrrWorkload(const RunPlan& plan) : exchange_(plan) {}

  void OnOpen(ClientWorker& worker, Slot& slot) override { exchange_.Begin(worker, slot); }

  void OnEvent(ClientWorker& worker, Slot& slot, uint32_t events) override {
    if (exchange_.Continue(worker, slot, events) != Exchange::Result::kDone) return;
    worker.CloseConnection(slot);
    worker.Release(slot);
  }

 private:
  const Exchange exchange_;
};

}  // namespace

std::unique_ptr<Workload> NewCrrWorkload(const RunPlan& plan) {
  return std::make_unique<CrrWorkload>(plan);
}

}  // namespace tcpfleet::agent
