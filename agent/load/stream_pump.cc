#include "agent/load/stream_pump.h"

#include <sys/socket.h>

#include <cerrno>

#include "common/sys/tcp_socket.h"

namespace tcpfleet::agent {

Pumped SendStream(int fd, absl::Span<const std::byte> block, size_t most) {
  Pumped pumped;
  for (int i = 0; i < kMostWritesPerPump && pumped.bytes < most; ++i) {
    const ssize_t sent = sys::Send(fd, block);
    if (sent < 0) {
      // A reset brings an event too, upon which what came before it is received.
      const bool has_event = sent == -EAGAIN || sent == -EPIPE || sent == -ECONNRESET;
      pumped.then = has_event ? Pumped::Then::kWait : Pumped::Then::kBroken;
      return pumped;
    }
    pumped.bytes += static_cast<size_t>(sent);
    // Edge-triggered: what took only a part is full. Source: epoll(7), question 9.
    if (static_cast<size_t>(sent) < block.size()) return pumped;
  }
  pumped.then = Pumped::Then::kGoOn;
  return pumped;
}

Pumped StreamReceiver::Receive(int fd, uint32_t events, int64_t now_ns) {
  Pumped pumped;
  bool is_empty = false;
  while (!is_empty && pumped.bytes < kMostPumpedBytes) {
    const ssize_t received = sys::Discard(fd, kMostPumpedBytes);
    if (received == 0 || (received < 0 && received != -EAGAIN)) {
      pumped.then = received == 0 ? Pumped::Then::kEnded : Pumped::Then::kBroken;
      return pumped;
    }
    if (received > 0) pumped.bytes += static_cast<size_t>(received);
    // The end of the stream brings no event of its own when this one announced it.
    is_empty = received == -EAGAIN || (events & (kReceiveEvents & ~EPOLLIN)) == 0;
  }
  Judge(fd, pumped.bytes, now_ns);
  if (pumped.bytes >= kMostPumpedBytes) pumped.then = Pumped::Then::kGoOn;
  return pumped;
}

void StreamReceiver::Judge(int fd, size_t bytes, int64_t now_ns) {
  bytes_ += static_cast<uint32_t>(bytes);
  const bool is_slow = now_ns - since_ns_ > kFastWithinNs;
  if (!is_slow && bytes_ < kFastBytes) return;
  if (is_patient_ == is_slow) {
    // When this fails, the connection merely costs more.
    (void)sys::SetOption(fd, SOL_SOCKET, SO_RCVLOWAT, is_slow ? 1 : kPatientBytes);
    is_patient_ = !is_slow;
  }
  since_ns_ = now_ns;
  bytes_ = 0;
}

}  // namespace tcpfleet::agent
