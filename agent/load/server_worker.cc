#include "agent/load/server_worker.h"

#include <absl/strings/str_cat.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/load/governor.h"
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
  TF_RETURN_IF_ERROR(
      base::WithContext("listener", ServerBehavior(plan.spec).ApplyTo(listener.get())));
  // Level-triggered: what one event leaves unaccepted brings the next.
  TF_RETURN_IF_ERROR(epoll.Add(listener.get(), EPOLLIN, kListenerToken));
  return std::unique_ptr<ServerWorker>(new ServerWorker({&plan, &control, index}, std::move(epoll),
                                                        std::move(wake), std::move(listener),
                                                        endpoint.port));
}

ServerWorker::ServerWorker(const Seat& seat, sys::Epoll epoll, sys::EventFd wake,
                           sys::UniqueFd listener, uint16_t port)
    : LoadWorker(seat, std::move(epoll), std::move(wake), kGraceNs),
      behavior_(plan().spec),
      options_(plan().options),
      listener_(std::move(listener)),
      port_(port),
      request_bytes_(plan().spec.request_bytes()),
      response_bytes_(plan().spec.response_bytes()),
      most_connections_(size_t{plan().spec.connections()} + kSpareConnections),
      buffer_(behavior_.sends_without_end ? StreamBlockBytes(plan().spec) : kBufferBytes) {
  connections_.reserve(plan().spec.connections() / plan().threads + kSpareConnections);
}

ServerWorker::~ServerWorker() { Join(); }

void ServerWorker::OnEvent(uint32_t token, uint32_t events) {
  if (token != kListenerToken) {
    if (connections_[token].fd >= 0) Serve(token, events);
  } else if (resume_ns_ == kNever) {
    if (behavior_.accept_delay_ns > 0) return PauseAccept(now_ns() + behavior_.accept_delay_ns);
    Accept(kMostAcceptsPerEvent);
  }
}

void ServerWorker::OnTurn() {
  if (resume_ns_ <= now_ns()) {
    ResumeAccept();
    if (behavior_.accept_delay_ns > 0) Accept(1);
  }
  SendDelayed();
  if (!held_back_.empty() && plan().governor->MaySend(now_ns())) {
    for (const uint32_t i : std::exchange(held_back_, {})) {
      connections_[i].held_back = false;
      Watch(i);
    }
  }
  if (NextResetNs() <= now_ns()) ResetAllDue();
}

int64_t ServerWorker::NextTimerNs() const {
  const int64_t send_ns = held_back_.empty() ? kNever : plan().governor->send_at_ns();
  return std::min({resume_ns_, delayed_.next_ns(), NextResetNs(), send_ns});
}

void ServerWorker::Accept(int most) {
  for (int i = 0; i < most; ++i) {
    if (open_ >= most_connections_) return RefuseAccept(0);
    const int fd = sys::Accept(listener_.get());
    if (fd == -EAGAIN) return;
    if (fd >= 0) {
      Accepted(fd);
    } else if (fd != -ECONNABORTED) {
      return RefuseAccept(-fd);
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
  Connection& connection = connections_[index];
  connection = Connection{
      .fd = fd, .generation = connection.generation + 1, .unread = request_bytes_, .receiver = {}};
  sampler().Opened(index, fd);
  options_.RenewQuickAck(fd);
  if (counters().accepted == 1 && control().ClaimFirstConnection()) {
    control().NoteFirstConnection(ReadSocketOptions(fd));
  }
  if (!epoll().Add(fd, WatchedEvents(), index).ok()) {
    counters().accept_failed.Add(ENOSPC);
    return Close(index);
  }
  if (behavior_.closes_at_once) CloseSending(index);
}

void ServerWorker::PauseAccept(int64_t until_ns) {
  // When this fails, accepting is merely tried too often.
  (void)epoll().Modify(listener_.get(), 0, kListenerToken);
  resume_ns_ = until_ns;
}

// `error` 0: the bound on connections is reached.
void ServerWorker::RefuseAccept(int error) {
  if (error != 0) counters().accept_failed.Add(error);
  ReadClock();
  PauseAccept(now_ns() + kAcceptPauseNs);
  if (!control().MayLog(now_ns())) return;
  spdlog::warn("load server on port {} cannot accept with {} connections open: {}", port_, open_,
               error == 0 ? absl::StrCat("bound of ", most_connections_, " connections reached")
                          : sys::ErrnoName(error));
}

void ServerWorker::ResumeAccept() {
  resume_ns_ = kNever;
  (void)epoll().Modify(listener_.get(), EPOLLIN, kListenerToken);
}

int64_t ServerWorker::NextResetNs() const {
  if (!HasStarted() || resets_ == behavior_.reset_at_ns.size()) return kNever;
  return start_ns() + behavior_.reset_at_ns[resets_];
}

void ServerWorker::ResetAllDue() {
  while (NextResetNs() <= now_ns()) ++resets_;
  for (uint32_t i = 0; i < connections_.size(); ++i) {
    if (connections_[i].fd >= 0) Reset(i);
  }
}

void ServerWorker::Reset(uint32_t index) {
  // When this fails the connection is already gone.
  (void)sys::SetLingerReset(connections_[index].fd);
  Close(index);
}

void ServerWorker::Close(uint32_t index) {
  Connection& connection = connections_[index];
  sampler().Closing(index, now_ns(), histograms().tcp_info);
  sys::CloseSocket(std::exchange(connection.fd, -1));
  if (connection.delayed > 0) {
    delayed_.Lose(connection.delayed, [this](const auto& reply) { return IsLost(reply); });
  }
  connection.next_free = std::exchange(free_, index);
  --counters().active;
  --open_;
  if (resume_ns_ != kNever && behavior_.accept_delay_ns == 0) ResumeAccept();
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
