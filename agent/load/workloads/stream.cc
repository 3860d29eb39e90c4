// stream: the operation is to open a connection; over it goes as much as it takes, in one direction
// or in both, until the run ends. netperf calls it TCP_STREAM and TCP_MAERTS. Any server that reads
// will do for sending; receiving needs one that sends.
#include <vector>

#include "agent/load/client_worker.h"
#include "agent/load/governor.h"
#include "agent/load/payload.h"
#include "agent/load/stream_pump.h"

namespace tcpfleet::agent {
namespace {

class StreamWorkload final : public Workload {
 public:
  explicit StreamWorkload(const RunPlan& plan)
      : sends_(plan.spec.direction() != v1::StressSpec::DIRECTION_RECEIVE),
        block_(sends_ ? StreamBlockBytes(plan.spec) : 0) {}

  void OnOpen(ClientWorker& worker, Slot& slot) override {
    worker.Succeed(slot);
    if (receivers_.empty()) receivers_.resize(worker.slots());
    receivers_[worker.IndexOf(slot)] = {};
    if (!sends_) return;
    slot.unsent = static_cast<uint32_t>(block_.size());  // always: there is more
    worker.AwaitWritable(slot);
  }

  void OnEvent(ClientWorker& worker, Slot& slot, uint32_t events) override {
    Pumped received;
    if ((events & kReceiveEvents) != 0) {
      StreamReceiver& receiver = receivers_[worker.IndexOf(slot)];
      received = receiver.Receive(slot.fd, events, worker.now_ns());
      worker.CountReceived(slot, received.bytes);
    }
    const Pumped sent = (events & EPOLLOUT) != 0 && sends_ ? Send(worker, slot) : Pumped();
    worker.ReadClock();
    if (IsOver(received) || IsOver(sent)) return worker.Lose(slot);
    const bool goes_on = received.then == Pumped::Then::kGoOn || sent.then == Pumped::Then::kGoOn;
    // Brings an event at once if there is still something to do.
    if (goes_on) worker.AwaitWritable(slot);
  }

  void OnTimer(ClientWorker& worker, Slot& slot) override { worker.AwaitWritable(slot); }

 private:
  Pumped Send(ClientWorker& worker, Slot& slot) {
    Governor* const governor = worker.plan().governor;
    if (governor != nullptr && !governor->MaySend(worker.now_ns())) {
      worker.SetTimer(slot, governor->send_at_ns());
      return {};
    }
    const Pumped sent =
        SendStream(slot.fd, block_, governor == nullptr ? kMostPumpedBytes : block_.size());
    worker.CountSent(slot, sent.bytes);
    return sent;
  }

  static bool IsOver(const Pumped& pumped) {
    return pumped.then == Pumped::Then::kEnded || pumped.then == Pumped::Then::kBroken;
  }

  const bool sends_;
  const std::vector<std::byte> block_;
  std::vector<StreamReceiver> receivers_;  // by slot
};

}  // namespace

std::unique_ptr<Workload> NewStreamWorkload(const RunPlan& plan) {
  return std::make_unique<StreamWorkload>(plan);
}

}  // namespace tcpfleet::agent
