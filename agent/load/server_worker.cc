#include "agent/load/server_worker.h"

#include <absl/strings/str_cat.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/load/payload.h"
#include "agent/load/socket_options.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/tcp_listener.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::agent {
namespace {

constexpr int kMostAcceptsPerEvent = 64;
constexpr size_t kBufferBytes = 65'536;
constexpr int kMostReadsPerEvent = 64;
static_assert(kMostReadsPerEvent * kBufferBytes >= 2 * size_t{kMostMessageBytes});
constexpr uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;

}  // namespace

absl::StatusOr<std::unique_ptr<ServerWorker>> ServerWorker::Create(const RunPlan& plan,
                                                                   RunControl& control,
                                                                   uint32_t index, uint16_t port) {
  TF_ASSIGN_OR_RETURN(sys::Epoll epoll, sys::Epoll::Create());
  TF_ASSIGN_OR_RETURN(sys::EventFd wake, sys::EventFd::Create());
  TF_RETURN_IF_ERROR(Prepare(epoll, wake));
  TF_ASSIGN_OR_RETURN(sys::UniqueFd listener, sys::ListenTcp(port, kBacklog));
  TF_ASSIGN_OR_RETURN(const base::Endpoint endpoint, sys::LocalEndpoint(listener.get()));
  TF_RETURN_IF_ERROR(
      base::WithContext("listener", TestSocketOptions(plan.options).ApplyTo(listener.get())));
  // Level-triggered: what one event leaves unaccepted brings the next.
  TF_RETURN_IF_ERROR(epoll.Add(listener.get(), EPOLLIN, kListenerToken));
  return std::unique_ptr<ServerWorker>(new ServerWorker({&plan, &control, index}, std::move(epoll),
                                                        std::move(wake), std::move(listener),
                                                        endpoint.port));
}

ServerWorker::ServerWorker(const Seat& seat, sys::Epoll epoll, sys::EventFd wake,
                           sys::UniqueFd listener, uint16_t port)
    : LoadWorker(seat, std::move(epoll), std::move(wake), kGraceNs),
      listener_(std::move(listener)),
      port_(port),
      request_bytes_(plan().spec.request_bytes()),
      response_bytes_(plan().spec.response_bytes()),
      most_connections_(size_t{plan().spec.connections()} + kSpareConnections),
      buffer_(kBufferBytes) {
  connections_.reserve(plan().spec.connections() / plan().threads + kSpareConnections);
}

ServerWorker::~ServerWorker() { Join(); }

void ServerWorker::OnEvent(uint32_t token, uint32_t events) {
  if (token == kListenerToken) {
    AcceptAll();
  } else if (connections_[token].fd >= 0) {
    Serve(token, events);
  }
}

void ServerWorker::OnTurn() {
  if (resume_ns_ <= now_ns()) ResumeAccept();
}

int64_t ServerWorker::NextTimerNs() const { return resume_ns_; }

void ServerWorker::AcceptAll() {
  if (resume_ns_ != kNever) return;
  for (int i = 0; i < kMostAcceptsPerEvent; ++i) {
    if (open_ >= most_connections_) return PauseAccept(0);
    const int fd = sys::Accept(listener_.get());
    if (fd == -EAGAIN) return;
    if (fd >= 0) {
      Accepted(fd);
    } else if (fd != -ECONNABORTED) {
      return PauseAccept(-fd);
    }
  }
}

void ServerWorker::Accepted(int fd) {
  ++counters().accepted;
  ++counters().active;
  ++open_;
  uint32_t index = free_;
  if (index == kNone) {
    index = static_cast<uint32_t>(connections_.size());
    connections_.emplace_back();
  } else {
    free_ = connections_[index].next_free;
  }
  connections_[index] = Connection{.fd = fd, .unread = request_bytes_};
  sampler().Opened(index, fd);
  if (counters().accepted == 1 && control().ClaimFirstConnection()) {
    control().NoteFirstConnection(ReadSocketOptions(fd));
  }
  if (!epoll().Add(fd, kReadEvents, index).ok()) {
    counters().accept_failed.Add(ENOSPC);
    Close(index);
  }
}

// `error` 0: the bound on connections is reached.
void ServerWorker::PauseAccept(int error) {
  if (error != 0) counters().accept_failed.Add(error);
  // When this fails, accepting is merely tried too often.
  (void)epoll().Modify(listener_.get(), 0, kListenerToken);
  ReadClock();
  resume_ns_ = now_ns() + kAcceptPauseNs;
  if (!control().MayLog(now_ns())) return;
  spdlog::warn("load server on port {} cannot accept with {} connections open: {}", port_, open_,
               error == 0 ? absl::StrCat("bound of ", most_connections_, " connections reached")
                          : sys::ErrnoName(error));
}

void ServerWorker::ResumeAccept() {
  resume_ns_ = kNever;
  (void)epoll().Modify(listener_.get(), EPOLLIN, kListenerToken);
}

void ServerWorker::Serve(uint32_t index, uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return Close(index);
  Connection& connection = connections_[index];
  // A peer that sends without end must not hold the thread: what comes later brings an event.
  for (int i = 0; i < kMostReadsPerEvent; ++i) {
    // While the peer does not take its responses, its requests wait in the kernel.
    if (connection.unsent > 0 && !SendResponse(index)) return;
    const ssize_t received = sys::Receive(connection.fd, absl::MakeSpan(buffer_));
    if (received == -EAGAIN) return;
    if (received <= 0) return Close(index);
    const auto bytes = static_cast<size_t>(received);
    counters().bytes_received += bytes;
    const bool answers = plan().exchanges && CountRequest(connection, bytes);
    if (answers && !SendResponse(index)) return;
    // A short read has emptied the socket; more, or its end, brings another event.
    if (bytes < buffer_.size() && (events & EPOLLRDHUP) == 0) return;
  }
}

// True when a request is complete. Bytes beyond it are of requests that came together with it.
bool ServerWorker::CountRequest(Connection& connection, size_t received) {
  while (received >= connection.unread) {
    received -= connection.unread;
    connection.unread = request_bytes_;
    connection.unsent += response_bytes_;
  }
  connection.unread -= static_cast<uint32_t>(received);
  return connection.unsent > 0;
}

// False when the response waits for the peer, or the connection is gone.
bool ServerWorker::SendResponse(uint32_t index) {
  Connection& connection = connections_[index];
  while (connection.unsent > 0) {
    const ssize_t sent = sys::Send(connection.fd, PayloadBlock(connection.unsent));
    if (sent == -EAGAIN) {
      if (!std::exchange(connection.writable_watched, true) &&
          !epoll().Modify(connection.fd, kReadEvents | EPOLLOUT, index).ok()) {
        Close(index);
      }
      return false;
    }
    if (sent < 0) {
      Close(index);
      return false;
    }
    counters().bytes_sent += static_cast<size_t>(sent);
    connection.unsent -= static_cast<uint32_t>(sent);
  }
  return true;
}

void ServerWorker::Close(uint32_t index) {
  Connection& connection = connections_[index];
  sampler().Closing(index, now_ns(), histograms().tcp_info);
  sys::CloseSocket(std::exchange(connection.fd, -1));
  connection.next_free = std::exchange(free_, index);
  --counters().active;
  --open_;
  if (resume_ns_ != kNever) ResumeAccept();
}

void ServerWorker::CloseAll(bool reset) {
  // Clients have counted these as opened.
  for (int i = 0; i < kBacklog; ++i) {
    const int fd = sys::Accept(listener_.get());
    if (fd < 0) break;
    ++counters().accepted;
    sys::CloseSocket(fd);
  }
  for (uint32_t i = 0; i < connections_.size(); ++i) {
    Connection& connection = connections_[i];
    if (connection.fd < 0) continue;
    sampler().Closing(i, now_ns(), histograms().tcp_info);
    // When this fails the connection is already gone.
    if (reset) (void)sys::SetLingerReset(connection.fd);
    sys::CloseSocket(std::exchange(connection.fd, -1));
  }
}

}  // namespace tcpfleet::agent
