// connect: the operation is to open a connection and close it. netperf calls it TCP_CC.
#include "agent/load/client_worker.h"

namespace tcpfleet::agent {
namespace {

class ConnectWorkload final : public Workload {
 public:
  void OnOpen(ClientWorker& worker, Slot& slot) override {
    worker.Succeed(slot);
    worker.Part(slot);
  }

  void OnEvent(ClientWorker& worker, Slot& slot, uint32_t) override {
    if (!worker.Discard(slot)) worker.Parted(slot);
  }
};

}  // namespace

std::unique_ptr<Workload> NewConnectWorkload() { return std::make_unique<ConnectWorkload>(); }

}  // namespace tcpfleet::agent
