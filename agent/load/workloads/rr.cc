// rr: requests and responses over kept connections. The first operation of a connection begins with
// its connect. netperf calls it TCP_RR.
#include "agent/load/client_worker.h"
#include "agent/load/workloads/exchange.h"

namespace tcpfleet::agent {
namespace {

class RrWorkload final : public Workload {
 public:
  explicit RrWorkload(const RunPlan& plan) : exchange_(plan) {}

  void OnOpen(ClientWorker& worker, Slot& slot) override { exchange_.Begin(worker, slot); }

  void OnEvent(ClientWorker& worker, Slot& slot, uint32_t events) override {
    const bool ends = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (!slot.in_operation) {
      // The slot waits in the ready list; its next operation connects anew.
      if (ends || !worker.Discard(slot)) worker.Lose(slot);
      return;
    }
    if (exchange_.Continue(worker, slot, events) != Exchange::Result::kDone) return;
    if (ends) worker.Lose(slot);
    worker.Release(slot);
  }

 private:
  const Exchange exchange_;
};

}  // namespace

std::unique_ptr<Workload> NewRrWorkload(const RunPlan& plan) {
  return std::make_unique<RrWorkload>(plan);
}

}  // namespace tcpfleet::agent
