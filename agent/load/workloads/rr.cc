// rr: requests and responses over kept connections. The first operation of a connection begins with
// its connect. netperf calls it TCP_RR.
#include "agent/load/client_worker.h"
#include "agent/load/workloads/exchange.h"

namespace tcpfleet::agent {
namespace {

class RrWorkload final : public Workload {
 public:
  RrWorkload(const RunPlan& plan, size_t slots) : exchange_(plan, slots) {}

  int TryEarly(ClientWorker& worker, Slot& slot) override {
    return exchange_.TryEarly(worker, slot);
  }

  void OnOpen(ClientWorker& worker, Slot& slot) override { exchange_.Begin(worker, slot); }

  void OnEvent(ClientWorker& worker, Slot& slot, uint32_t events) override {
    const bool ends = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (!slot.in_operation()) {
      // The slot waits for its next operation, which connects anew.
      if (ends || !worker.Discard(slot)) worker.Lose(slot);
      return;
    }
    const Exchange::Result result = exchange_.Continue(worker, slot, events);
    if (result == Exchange::Result::kWaiting || result == Exchange::Result::kFailed) return;
    if (!slot.in_operation()) {
      if (result == Exchange::Result::kLastDone) {
        worker.CloseConnection(slot);
      } else if (ends) {
        return worker.Lose(slot);
      }
    }
    worker.Release(slot);
  }

 private:
  Exchange exchange_;
};

}  // namespace

std::unique_ptr<Workload> NewRrWorkload(const RunPlan& plan, size_t slots) {
  return std::make_unique<RrWorkload>(plan, slots);
}

}  // namespace tcpfleet::agent
