// hold: open connections and keep them. One that breaks later is lost, not failed, and is not
// opened again.
#include "agent/load/client_worker.h"

namespace tcpfleet::agent {
namespace {

class HoldWorkload final : public Workload {
 public:
  void OnOpen(ClientWorker& worker, Slot& slot) override { worker.Succeed(slot); }

  void OnEvent(ClientWorker& worker, Slot& slot, uint32_t events) override {
    const bool ends = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (ends || ((events & EPOLLIN) != 0 && !worker.Discard(slot))) worker.Lose(slot);
  }
};

}  // namespace

std::unique_ptr<Workload> NewHoldWorkload() { return std::make_unique<HoldWorkload>(); }

}  // namespace tcpfleet::agent
