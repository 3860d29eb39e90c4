#include "agent/load/workloads/exchange.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "agent/load/payload.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::agent {

Exchange::Result Exchange::Begin(ClientWorker& worker, Slot& slot) const {
  slot.unsent = request_bytes_;
  slot.unreceived = response_bytes_;
  return Send(worker, slot);
}

Exchange::Result Exchange::Continue(ClientWorker& worker, Slot& slot, uint32_t events) const {
  if ((events & EPOLLOUT) != 0 && slot.unsent > 0) {
    if (Send(worker, slot) == Result::kFailed) return Result::kFailed;
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return Result::kWaiting;
  return Receive(worker, slot);
}

Exchange::Result Exchange::Send(ClientWorker& worker, Slot& slot) {
  while (slot.unsent > 0) {
    const ssize_t sent = sys::Send(slot.fd, PayloadBlock(slot.unsent));
    if (sent == -EAGAIN) {
      worker.AwaitWritable(slot);
      return Result::kWaiting;
    }
    if (sent < 0) {
      worker.Fail(slot, static_cast<int>(-sent));
      return Result::kFailed;
    }
    worker.CountSent(static_cast<size_t>(sent));
    slot.unsent -= static_cast<uint32_t>(sent);
  }
  return Result::kWaiting;
}

// The size of the response is all that counts; what comes beyond it is thrown away. A peer that
// sends without end must not hold the thread: what comes later brings its own event.
Exchange::Result Exchange::Receive(ClientWorker& worker, Slot& slot) {
  static thread_local std::array<std::byte, 65536> buffer;
  constexpr int kMostReads = 64;
  static_assert(kMostReads * buffer.size() >= 2 * size_t{kMostMessageBytes});
  for (int i = 0; i < kMostReads; ++i) {
    const ssize_t received = sys::Receive(slot.fd, absl::MakeSpan(buffer));
    if (received == -EAGAIN) return Result::kWaiting;
    if (received <= 0) {
      worker.Fail(slot, received == 0 ? kPeerClosed : static_cast<int>(-received));
      return Result::kFailed;
    }
    worker.CountReceived(static_cast<size_t>(received));
    slot.unreceived -= std::min(slot.unreceived, static_cast<uint32_t>(received));
    if (slot.unreceived == 0 && slot.unsent == 0) {
      worker.RecordResponse(slot);
      worker.Succeed(slot);
      return Result::kDone;
    }
  }
  return Result::kWaiting;
}

}  // namespace tcpfleet::agent
