#include "agent/load/workloads/exchange.h"

#include <absl/strings/string_view.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "agent/load/payload.h"
#include "agent/load/workloads/http_request.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::agent {

Exchange::Exchange(const RunPlan& plan, size_t slots)
    : request_bytes_(plan.spec.request_bytes()),
      response_bytes_(plan.spec.response_bytes()),
      framer_(NewResponseFramer(plan.spec, slots)) {
  for (const v1::Target& target : plan.spec.targets()) {
    std::string request = RequestBytes(plan.spec, target);
    if (!request.empty()) requests_.push_back(std::move(request));
  }
}

uint32_t Exchange::RequestBytesOf(const Slot& slot) const {
  return requests_.empty() ? request_bytes_ : static_cast<uint32_t>(requests_[slot.target].size());
}

int Exchange::TryEarly(ClientWorker& worker, Slot& slot) const {
  slot.unsent = RequestBytesOf(slot);
  const ssize_t sent = sys::Send(slot.fd, Unsent(slot));
  if (sent < 0) {
    slot.unsent = 0;
    return sent == -EAGAIN ? EINPROGRESS : static_cast<int>(-sent);
  }
  worker.CountSent(slot, static_cast<size_t>(sent));
  slot.unsent -= static_cast<uint32_t>(sent);
  slot.sent_early = true;
  return 0;
}

Exchange::Result Exchange::Begin(ClientWorker& worker, Slot& slot) {
  if (slot.outstanding == 1) {
    slot.unreceived = response_bytes_;
    if (framer_ != nullptr && slot.requests == 1) framer_->Begin(worker.IndexOf(slot));
  }
  if (slot.sent_early) {
    slot.sent_early = false;
    // The rest goes with the event that the connection is registered for then.
    return Result::kWaiting;
  }
  slot.unsent += RequestBytesOf(slot);
  return Send(worker, slot);
}

Exchange::Result Exchange::Continue(ClientWorker& worker, Slot& slot, uint32_t events) {
  if ((events & EPOLLOUT) != 0 && slot.unsent > 0) {
    if (Send(worker, slot) == Result::kFailed) return Result::kFailed;
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) {
    // A response may have come before its request was gone.
    if (framer_ == nullptr && slot.unreceived == 0) return TakeFixed(worker, slot, 0);
    return Result::kWaiting;
  }
  return Receive(worker, slot, events);
}

absl::Span<const std::byte> Exchange::Unsent(const Slot& slot) const {
  if (requests_.empty()) return PayloadBlock(slot.unsent);
  const std::string& request = requests_[slot.target];
  const size_t left = (slot.unsent - 1) % request.size() + 1;
  return absl::MakeConstSpan(
      reinterpret_cast<const std::byte*>(request.data()) + request.size() - left, left);
}

Exchange::Result Exchange::Send(ClientWorker& worker, Slot& slot) const {
  while (slot.unsent > 0) {
    const ssize_t sent = sys::Send(slot.fd, Unsent(slot));
    if (sent == -EAGAIN) {
      worker.AwaitWritable(slot);
      return Result::kWaiting;
    }
    if (sent < 0) {
      worker.Fail(slot, static_cast<int>(-sent));
      return Result::kFailed;
    }
    worker.CountSent(slot, static_cast<size_t>(sent));
    slot.unsent -= static_cast<uint32_t>(sent);
  }
  return Result::kWaiting;
}

// A peer that sends without end must not hold the thread: what comes later brings its own event.
Exchange::Result Exchange::Receive(ClientWorker& worker, Slot& slot, uint32_t events) {
  static thread_local std::array<std::byte, 65536> buffer;
  constexpr int kMostReads = 64;
  static_assert(kMostReads * buffer.size() >= 2 * size_t{kMostMessageBytes});
  Result result = Result::kWaiting;
  for (int i = 0; i < kMostReads; ++i) {
    const ssize_t received = sys::Receive(slot.fd, absl::MakeSpan(buffer));
    if (received == -EAGAIN) return result;
    worker.ReadClock();
    if (received <= 0) return Ended(worker, slot, received);
    const auto bytes = static_cast<size_t>(received);
    worker.CountReceived(slot, bytes);
    const Result taken = Take(worker, slot, absl::MakeConstSpan(buffer).first(bytes));
    if (taken != Result::kWaiting) result = taken;
    if (result == Result::kFailed || result == Result::kLastDone) return result;
    if (!slot.in_operation()) return result;
    // A short read has emptied the socket; more, or its end, brings another event.
    if (bytes < buffer.size() && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return result;
  }
  return result;
}

Exchange::Result Exchange::Take(ClientWorker& worker, Slot& slot,
                                absl::Span<const std::byte> bytes) {
  if (framer_ == nullptr) return TakeFixed(worker, slot, bytes.size());
  return TakeFramed(worker, slot, framer_->Take(worker.IndexOf(slot), bytes));
}

bool Exchange::IsOldestSent(const Slot& slot) const {
  return slot.unsent <= uint64_t{slot.outstanding - 1u} * RequestBytesOf(slot);
}

// The size of the response is all that counts; what comes beyond the last one is thrown away.
Exchange::Result Exchange::TakeFixed(ClientWorker& worker, Slot& slot, size_t received) const {
  Result result = Result::kWaiting;
  while (slot.in_operation()) {
    const auto part = static_cast<uint32_t>(std::min<size_t>(slot.unreceived, received));
    slot.unreceived -= part;
    received -= part;
    if (slot.unreceived > 0 || !IsOldestSent(slot)) break;
    worker.Succeed(slot);
    slot.unreceived = response_bytes_;
    result = Result::kDone;
  }
  return result;
}

Exchange::Result Exchange::TakeFramed(ClientWorker& worker, Slot& slot,
                                      const FoundResponses& found) {
  uint32_t left = std::min<uint32_t>(found.ended, slot.outstanding);
  const bool is_bad = found.bad || left < found.ended;
  const bool is_done = left > 0;
  for (size_t status = 0; status < found.by_status.size(); ++status) {
    uint64_t counted = 0;
    for (uint32_t i = 0; i < found.by_status[status] && left > 0; ++i, --left) {
      if (worker.Succeed(slot)) ++counted;
    }
    if (counted > 0) worker.CountResponses(status, counted);
  }
  for (; left > 0; --left) worker.Succeed(slot);
  if (is_bad || (found.closes && slot.in_operation())) {
    worker.Fail(slot, is_bad ? kBadResponse : kPeerClosed);
    return Result::kFailed;
  }
  if (!is_done) return Result::kWaiting;
  return found.closes ? Result::kLastDone : Result::kDone;
}

// The peer has closed (0), or the connection broke (minus the errno).
Exchange::Result Exchange::Ended(ClientWorker& worker, Slot& slot, ssize_t received) {
  if (received == 0 && framer_ != nullptr) {
    const Result result = TakeFramed(worker, slot, framer_->End(worker.IndexOf(slot)));
    if (result == Result::kFailed) return result;
    if (!slot.in_operation()) return Result::kLastDone;
  }
  worker.Fail(slot, received == 0 ? kPeerClosed : static_cast<int>(-received));
  return Result::kFailed;
}

}  // namespace tcpfleet::agent
