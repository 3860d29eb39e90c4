// hold: open connections and keep them. One that breaks later is lost, not failed. With heartbeats
// the client sends one byte now and then, which the server returns; a peer that has not done so for
// long enough is dead.
#include <algorithm>
#include <array>

#include "agent/load/client_worker.h"
#include "agent/load/payload.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::agent {
namespace {

class HoldWorkload final : public Workload {
 public:
  explicit HoldWorkload(const RunPlan& plan)
      : heartbeat_ns_(static_cast<int64_t>(plan.spec.heartbeat_ms()) * 1'000'000),
        dead_after_ns_(static_cast<int64_t>(plan.spec.dead_after_ms()) * 1'000'000) {}

  void OnOpen(ClientWorker& worker, Slot& slot) override {
    slot.heard_ns = worker.now_ns();
    worker.Succeed(slot);
    if (heartbeat_ns_ > 0) worker.SetTimer(slot, NextNs(worker, slot));
  }

  void OnEvent(ClientWorker& worker, Slot& slot, uint32_t events) override {
    const bool ends = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (ends || ((events & EPOLLIN) != 0 && !worker.Discard(slot))) return worker.Lose(slot);
    if ((events & EPOLLIN) != 0) slot.heard_ns = worker.now_ns();
  }

  void OnTimer(ClientWorker& worker, Slot& slot) override {
    if (dead_after_ns_ > 0 && worker.now_ns() - slot.heard_ns >= dead_after_ns_) {
      return worker.LoseDead(slot);
    }
    const ssize_t sent = sys::Send(slot.fd, PayloadBlock(1));
    // A peer that does not read for so long takes nothing either: the next beat tries again.
    if (sent < 0 && sent != -EAGAIN) return worker.Lose(slot);
    if (sent > 0) worker.CountSent(slot, static_cast<size_t>(sent));
    worker.SetTimer(slot, NextNs(worker, slot));
  }

 private:
  // The next beat, or the moment at which the peer counts as dead.
  int64_t NextNs(const ClientWorker& worker, const Slot& slot) const {
    const int64_t beat_ns = worker.now_ns() + heartbeat_ns_;
    return dead_after_ns_ > 0 ? std::min(beat_ns, slot.heard_ns + dead_after_ns_) : beat_ns;
  }

  const int64_t heartbeat_ns_;
  const int64_t dead_after_ns_;
};

}  // namespace

std::unique_ptr<Workload> NewHoldWorkload(const RunPlan& plan) {
  return std::make_unique<HoldWorkload>(plan);
}

}  // namespace tcpfleet::agent
