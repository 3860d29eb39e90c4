#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/load/governor.h"
#include "agent/load/payload.h"
#include "agent/load/server_worker.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::agent {
namespace {

constexpr int kMostReadsPerEvent = 64;
constexpr int kMostDelayedPerTurn = 256;

}  // namespace

// A connection whose receive window is to close is not watched for data.
uint32_t ServerWorker::WatchedEvents() const {
  return EPOLLRDHUP | EPOLLET | (behavior_.receives ? EPOLLIN : 0u) |
         (behavior_.sends_without_end ? EPOLLOUT : 0u);
}

bool ServerWorker::MayRead(const Connection& connection) const {
  return connection.unsent == 0 && connection.delayed < DelayedReplies::kMostPerConnection;
}

void ServerWorker::Serve(uint32_t index, uint32_t events) {
  static_assert(kMostReadsPerEvent * kBufferBytes >= 2 * size_t{kMostMessageBytes});
  if (behavior_.streams && behavior_.receives) return ServeStream(index, events);
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return Close(index);
  Connection& connection = connections_[index];
  if (connection.unsent > 0 && !SendResponse(index)) return;
  if (!behavior_.receives) {
    if ((events & EPOLLRDHUP) != 0) Close(index);
    return;
  }
  // A peer that sends without end must not hold the thread: what comes later brings an event.
  for (int i = 0; i < kMostReadsPerEvent && MayRead(connection); ++i) {
    const ssize_t received = sys::Receive(connection.fd, absl::MakeSpan(buffer_));
    if (received == -EAGAIN || (received == 0 && behavior_.never_closes)) return;
    if (received <= 0) return Close(index);
    const auto bytes = static_cast<size_t>(received);
    counters().bytes_received += bytes;
    options_.RenewQuickAck(connection.fd);
    if (!connection.has_closed && !ServeRequests(index, bytes)) return;
    // A short read has emptied the socket; more, or its end, brings another event.
    if (bytes < buffer_.size() && (events & EPOLLRDHUP) == 0) return;
  }
}

void ServerWorker::ServeStream(uint32_t index, uint32_t events) {
  Connection& connection = connections_[index];
  Pumped received;
  if ((events & kReceiveEvents) != 0) {
    received = connection.receiver.Receive(connection.fd, events, now_ns());
    counters().bytes_received += received.bytes;
    options_.RenewQuickAck(connection.fd);
  }
  Pumped sent;
  if ((events & EPOLLOUT) != 0 && behavior_.sends_without_end) sent = Send(index);
  ReadClock();
  const bool has_ended = received.then == Pumped::Then::kEnded && !behavior_.never_closes;
  if (has_ended || received.then == Pumped::Then::kBroken || sent.then == Pumped::Then::kBroken) {
    return Close(index);
  }
  if (received.then != Pumped::Then::kGoOn && sent.then != Pumped::Then::kGoOn) return;
  Watch(index);
}

void ServerWorker::Watch(uint32_t index) {
  const int fd = connections_[index].fd;
  if (fd >= 0 && !epoll().Modify(fd, WatchedEvents(), index).ok()) Close(index);
}

Pumped ServerWorker::Send(uint32_t index) {
  Governor* const governor = plan().governor;
  if (governor != nullptr && !governor->MaySend(now_ns())) {
    if (!std::exchange(connections_[index].held_back, true)) held_back_.push_back(index);
    return {};
  }
  const size_t most = governor == nullptr ? kMostPumpedBytes : buffer_.size();
  const Pumped sent = SendStream(connections_[index].fd, buffer_, most);
  CountSent(sent.bytes);
  return sent;
}

void ServerWorker::CountSent(size_t bytes) {
  counters().bytes_sent += bytes;
  if (plan().governor != nullptr) plan().governor->CountSent(now_ns(), bytes);
}

// Answers the requests that `received` bytes complete. False when the answer waits for the peer or
// its time, or the connection is gone.
bool ServerWorker::ServeRequests(uint32_t index, size_t received) {
  Connection& connection = connections_[index];
  if (behavior_.echoes) {
    connection.unsent += received;
    return SendResponse(index);
  }
  if (!behavior_.answers) return true;
  if (received < connection.unread) {
    connection.unread -= static_cast<uint32_t>(received);
    return true;
  }
  const size_t beyond = received - connection.unread;
  uint64_t requests = 1 + beyond / request_bytes_;
  connection.unread = request_bytes_ - static_cast<uint32_t>(beyond % request_bytes_);
  const uint32_t reset_after = behavior_.reset_after_requests;
  const bool resets = reset_after > 0 && requests >= reset_after - connection.requests;
  if (resets) requests = reset_after - 1 - connection.requests;
  if (behavior_.closes_after_answer) {
    requests = std::min<uint64_t>(requests, 1 - connection.requests);
  }
  // Wraps around after four billion requests, which then are as good as none.
  connection.requests += static_cast<uint32_t>(requests);
  if (behavior_.reply_delay_ns > 0 && !resets) {
    ReadClock();  // no reply goes earlier than the delay after its request
    ++connection.delayed;
    delayed_.Push({now_ns() + behavior_.reply_delay_ns, index, connection.generation,
                   requests * response_bytes_});
    return true;
  }
  connection.unsent += requests * response_bytes_;
  const bool sent = SendResponse(index);
  if (resets && connection.fd >= 0) Reset(index);
  return sent && !resets;
}

// False when the response waits for the peer, or the connection is gone.
bool ServerWorker::SendResponse(uint32_t index) {
  Connection& connection = connections_[index];
  while (connection.unsent > 0) {
    const ssize_t sent = sys::Send(connection.fd, PayloadBlock(connection.unsent));
    if (sent == -EAGAIN) {
      if (!std::exchange(connection.writable_watched, true) &&
          !epoll().Modify(connection.fd, WatchedEvents() | EPOLLOUT, index).ok()) {
        Close(index);
      }
      return false;
    }
    if (sent < 0) {
      Close(index);
      return false;
    }
    CountSent(static_cast<size_t>(sent));
    connection.unsent -= static_cast<uint64_t>(sent);
  }
  const bool was_last =
      behavior_.closes_after_answer && connection.requests > 0 && connection.delayed == 0;
  return !was_last || CloseSending(index);
}

void ServerWorker::SendDelayed() {
  for (int i = 0; i < kMostDelayedPerTurn && delayed_.next_ns() <= now_ns(); ++i) {
    const DelayedReplies::Reply reply = delayed_.Pop();
    if (IsLost(reply)) continue;
    Connection& connection = connections_[reply.connection];
    const bool was_full = connection.delayed-- == DelayedReplies::kMostPerConnection;
    connection.unsent += reply.bytes;
    if (SendResponse(reply.connection) && was_full) Serve(reply.connection, EPOLLRDHUP);
  }
}

bool ServerWorker::IsLost(const DelayedReplies::Reply& reply) const {
  const Connection& connection = connections_[reply.connection];
  return connection.fd < 0 || connection.generation != reply.generation;
}

// Sends our FIN; what the peer still sends is read until its own, so that no reset destroys what is
// under way. False when the connection is gone.
bool ServerWorker::CloseSending(uint32_t index) {
  Connection& connection = connections_[index];
  if (std::exchange(connection.has_closed, true)) return true;
  if (sys::ShutdownSending(connection.fd) == 0) return true;
  Close(index);
  return false;
}

}  // namespace tcpfleet::agent
