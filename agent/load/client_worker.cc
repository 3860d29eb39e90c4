#include "agent/load/client_worker.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "common/base/status_macros.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::agent {
namespace {

constexpr size_t kMostStartsPerTurn = 64;
// When a connection was not open right after connect(), the next ones are not asked.
constexpr uint32_t kOpenChecksSkipped = 64;

}  // namespace

absl::StatusOr<std::unique_ptr<ClientWorker>> ClientWorker::Create(const RunPlan& plan,
                                                                   RunControl& control,
                                                                   uint32_t index) {
  TF_ASSIGN_OR_RETURN(sys::Epoll epoll, sys::Epoll::Create());
  TF_ASSIGN_OR_RETURN(sys::EventFd wake, sys::EventFd::Create());
  TF_RETURN_IF_ERROR(Prepare(epoll, wake));
  return std::unique_ptr<ClientWorker>(
      new ClientWorker({&plan, &control, index}, std::move(epoll), std::move(wake)));
}

ClientWorker::ClientWorker(const Seat& seat, sys::Epoll epoll, sys::EventFd wake)
    : LoadWorker(seat, std::move(epoll), std::move(wake), /*grace_ns=*/0),
      options_(plan().options),
      workload_(NewWorkload(plan())),
      most_handshakes_(plan().spec.workload() == v1::StressSpec::WORKLOAD_HOLD
                           ? kMostHandshakes
                           : std::numeric_limits<size_t>::max()),
      slots_(ShareOf(plan().spec.connections(), index(), plan().threads)),
      preferred_address_(plan().targets.size(), 0) {
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    const uint64_t number = index() + uint64_t{i} * plan().threads;
    slots_[i].target = static_cast<uint32_t>(number % plan().targets.size());
    ready_.PushBack(i);
  }
}

ClientWorker::~ClientWorker() { Join(); }

void ClientWorker::OnStart() {
  if (plan().spec.rate_per_second() > 0) {
    schedule_.emplace(control().start_ns(), plan().rate(), index(), plan().threads);
  }
}

void ClientWorker::OnEvent(uint32_t token, uint32_t events) {
  Slot& slot = slots_[token];
  if (slot.state == SlotState::kConnecting) {
    OnConnectEvent(slot, events);
  } else if (slot.state == SlotState::kOpen) {
    workload_->OnEvent(*this, slot, events);
  }
  StartDue();
}

void ClientWorker::OnTurn() {
  if (!HasStarted()) return;
  ExpireConnects();
  EndBackoffs();
  StartDue();
}

int64_t ClientWorker::NextTimerNs() const {
  int64_t due_ns = kNever;
  if (!connecting_.empty()) {
    due_ns = slots_[connecting_.front()].connect_ns + plan().connect_timeout_ns;
  }
  if (!backoff_.empty()) {
    due_ns = std::min(due_ns, slots_[backoff_.front()].operation_ns + kBackoffNs);
  }
  if (HasStarted() && MayStart()) {
    due_ns = std::min(due_ns, schedule_ ? schedule_->At(started_) : now_ns());
  }
  return due_ns;
}

bool ClientWorker::MayStart() const {
  return !ready_.empty() && (schedule_ || connecting_.size() < most_handshakes_);
}

void ClientWorker::StartDue() {
  // Operations may finish at once and release their slot: each ready slot gets one turn.
  for (size_t n = std::min(ready_.size(), kMostStartsPerTurn); n > 0; --n) {
    if (!MayStart() || IsBoundaryDue()) return;
    const int64_t due_ns = schedule_ ? schedule_->At(started_) : now_ns();
    if (due_ns > now_ns()) return;
    ++started_;
    StartOperation(ready_.PopFront(), due_ns);
  }
}

void ClientWorker::StartOperation(uint32_t index, int64_t due_ns) {
  Slot& slot = slots_[index];
  counters().Attempt();
  slot.in_operation = true;
  slot.operation_ns = due_ns;
  if (slot.state == SlotState::kOpen) return workload_->OnOpen(*this, slot);
  slot.failed_addresses = 0;
  slot.address = preferred_address_[slot.target];
  Connect(slot);
}

void ClientWorker::Connect(Slot& slot) {
  const sys::SocketAddress& address = TargetOf(slot).addresses[slot.address];
  slot.fd = sys::NewTcpSocket(address.family());
  if (slot.fd < 0) return Fail(slot, errno);
  if (!options_.ApplyTo(slot.fd).ok()) return Fail(slot, EINVAL);
  ReadClock();
  slot.connect_ns = now_ns();
  int error = sys::Connect(slot.fd, address);
  ReadClock();
  if (!noted_connect_) {
    noted_connect_ = true;
    control().NoteFirstConnect(now_ns());
  }
  if (error == EINPROGRESS) error = AskAgain(slot, address);
  if (error == EINPROGRESS) return AwaitConnection(slot);
  if (error != 0) return ConnectFailed(slot, error);
  Opened(slot);
  if (slot.state != SlotState::kOpen) return;
  const uint32_t writable = slot.unsent > 0 ? EPOLLOUT : 0u;
  if (epoll().Add(slot.fd, EPOLLIN | EPOLLRDHUP | EPOLLET | writable, IndexOf(slot)).ok()) return;
  if (slot.in_operation) {
    Fail(slot, ENOSPC);
  } else {
    Lose(slot);
  }
}

// On one host the handshake is done when connect() returns, and asking again is cheaper than an
// event.
int ClientWorker::AskAgain(const Slot& slot, const sys::SocketAddress& address) {
  if (skip_open_checks_ > 0) {
    --skip_open_checks_;
    return EINPROGRESS;
  }
  const int error = sys::Connect(slot.fd, address);
  if (error != EALREADY) return error;
  skip_open_checks_ = kOpenChecksSkipped;
  return EINPROGRESS;
}

void ClientWorker::AwaitConnection(Slot& slot) {
  constexpr uint32_t kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  if (!epoll().Add(slot.fd, kEvents, IndexOf(slot)).ok()) return Fail(slot, ENOSPC);
  slot.state = SlotState::kConnecting;
  connecting_.PushBack(IndexOf(slot));
}

void ClientWorker::OnConnectEvent(Slot& slot, uint32_t events) {
  const int error = sys::TakeSocketError(slot.fd);
  ReadClock();
  if (error != 0) return ConnectFailed(slot, error);
  if ((events & EPOLLHUP) != 0) return ConnectFailed(slot, ECONNRESET);
  if ((events & EPOLLOUT) == 0) return;
  connecting_.Remove(IndexOf(slot));
  Opened(slot);
  // The event may already carry what the peer did next.
  if (slot.state == SlotState::kOpen && (events & (EPOLLIN | EPOLLRDHUP)) != 0) {
    workload_->OnEvent(*this, slot, events);
  }
}

void ClientWorker::Opened(Slot& slot) {
  slot.state = SlotState::kOpen;
  ++counters().opened;
  ++counters().active;
  histograms().connect_ns.Record(static_cast<uint64_t>(now_ns() - slot.connect_ns));
  preferred_address_[slot.target] = slot.address;
  sampler().Opened(IndexOf(slot), slot.fd);
  if (counters().opened == 1 && control().ClaimFirstConnection()) {
    control().NoteFirstConnection(ReadSocketOptions(slot.fd));
  }
  // Without a schedule the request is meant to leave now.
  if (!schedule_) slot.operation_ns = now_ns();
  workload_->OnOpen(*this, slot);
}

void ClientWorker::ConnectFailed(Slot& slot, int error) {
  const size_t addresses = TargetOf(slot).addresses.size();
  if (!IsWorthAnotherAddress(error) || slot.failed_addresses + 1u >= addresses) {
    return Fail(slot, error);
  }
  CloseConnection(slot);
  ++slot.failed_addresses;
  slot.address = static_cast<uint8_t>((slot.address + 1u) % addresses);
  Connect(slot);
}

void ClientWorker::ExpireConnects() {
  while (!connecting_.empty()) {
    Slot& slot = slots_[connecting_.front()];
    if (slot.connect_ns + plan().connect_timeout_ns > now_ns()) return;
    ConnectFailed(slot, ETIMEDOUT);
  }
}

void ClientWorker::EndBackoffs() {
  while (!backoff_.empty() && slots_[backoff_.front()].operation_ns + kBackoffNs <= now_ns()) {
    ready_.PushBack(backoff_.PopFront());
  }
}

void ClientWorker::Succeed(Slot& slot) {
  slot.in_operation = false;
  counters().Succeed();
}

void ClientWorker::Fail(Slot& slot, int error) {
  CloseConnection(slot);
  slot.in_operation = false;
  counters().Fail(error);
  if (!noted_failure_) {
    noted_failure_ = true;
    control().NoteFirstFailure();
  }
  if (schedule_) return Release(slot);
  slot.operation_ns = now_ns();
  backoff_.PushBack(IndexOf(slot));
}

void ClientWorker::Release(Slot& slot) { ready_.PushBack(IndexOf(slot)); }

void ClientWorker::CloseConnection(Slot& slot) {
  if (slot.state == SlotState::kConnecting) connecting_.Remove(IndexOf(slot));
  if (slot.state == SlotState::kOpen) {
    --counters().active;
    sampler().Closing(IndexOf(slot), now_ns(), histograms().tcp_info);
  }
  slot.state = SlotState::kClosed;
  slot.unsent = slot.unreceived = 0;
  if (slot.fd >= 0) sys::CloseSocket(std::exchange(slot.fd, -1));
}

void ClientWorker::Lose(Slot& slot) {
  ++counters().lost;
  CloseConnection(slot);
}

void ClientWorker::AwaitWritable(Slot& slot) {
  // Before its first registration the connection is added with EPOLLOUT anyway.
  (void)epoll().Modify(slot.fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, IndexOf(slot));
}

void ClientWorker::RecordResponse(const Slot& slot) {
  ReadClock();
  histograms().response_ns.Record(
      static_cast<uint64_t>(std::max<int64_t>(0, now_ns() - slot.operation_ns)));
}

bool ClientWorker::Discard(Slot& slot) {
  std::array<std::byte, 4096> buffer;
  // Endless data must not hold the thread: what comes later brings its own event.
  for (int i = 0; i < 16; ++i) {
    const ssize_t received = sys::Receive(slot.fd, absl::MakeSpan(buffer));
    if (received == -EAGAIN) return true;
    if (received <= 0) return false;
    CountReceived(static_cast<size_t>(received));
  }
  return true;
}

void ClientWorker::CloseAll(bool reset) {
  for (Slot& slot : slots_) {
    if (slot.fd < 0) continue;
    if (slot.state == SlotState::kOpen) {
      sampler().Closing(IndexOf(slot), now_ns(), histograms().tcp_info);
    } else if (sys::Connect(slot.fd, TargetOf(slot).addresses[slot.address]) == 0) {
      ++counters().opened;
    }
    // When this fails the connection is already gone.
    if (reset && !options_.linger_reset) (void)sys::SetLingerReset(slot.fd);
    sys::CloseSocket(std::exchange(slot.fd, -1));
    slot.state = SlotState::kClosed;
  }
}

}  // namespace tcpfleet::agent
