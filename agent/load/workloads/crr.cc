// crr: open, one request, one response, close. netperf calls it TCP_CRR.
#include "agent/load/client_worker.h"
#include "agent/load/workloads/exchange.h"

namespace tcpfleet::agent {
namespace {

class CrrWorkload final : public Workload {
 public:
  CrrWorkload(const RunPlan& plan, size_t slots) : exchange_(plan, slots) {}

  int TryEarly(ClientWorker& worker, Slot& slot) override {
    return exchange_.TryEarly(worker, slot);
  }

  void OnOpen(ClientWorker& worker, Slot& slot) override { exchange_.Begin(worker, slot); }

  void OnEvent(ClientWorker& worker, Slot& slot, uint32_t events) override {
    if (slot.parting) {
      if (!worker.Discard(slot)) worker.Parted(slot);
      return;
    }
    const Exchange::Result result = exchange_.Continue(worker, slot, events);
    if (result == Exchange::Result::kWaiting || result == Exchange::Result::kFailed) return;
    if (result == Exchange::Result::kLastDone || (events & EPOLLRDHUP) != 0) {
      worker.Parted(slot);
    } else {
      worker.Part(slot);
    }
  }

 private:
  Exchange exchange_;
};

}  // namespace

std::unique_ptr<Workload> NewCrrWorkload(const RunPlan& plan, size_t slots) {
  return std::make_unique<CrrWorkload>(plan, slots);
}

}  // namespace tcpfleet::agent
