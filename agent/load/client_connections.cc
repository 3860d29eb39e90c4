#include <array>
#include <cerrno>
#include <utility>

#include "agent/load/client_worker.h"
#include "agent/load/governor.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::agent {
namespace {

// When a connection was not open right after connect(), the next ones are not tried.
constexpr uint32_t kOpenChecksSkipped = 64;
// Faster handshakes had no SYN retransmitted: the kernel waits a second for that, and nobody sets
// it this low.
constexpr int64_t kRetransmitSuspectedNs = 200'000'000;
constexpr uint32_t kEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;

}  // namespace

void ClientWorker::Connect(Slot& slot) {
  slot.fd = sys::NewTcpSocket(AddressOf(slot).family());
  if (slot.fd < 0) return Fail(slot, errno);
  if (!options_.ApplyTo(slot.fd).ok()) return Fail(slot, EINVAL);
  ReadClock();
  slot.connect_ns = now_ns();
  int error = ports_.Connect(slot.fd, slot.target, slot.address, slot.lease);
  ReadClock();
  if (!noted_connect_) {
    noted_connect_ = true;
    control().NoteFirstConnect(now_ns());
  }
  if (error == EINPROGRESS) error = TryEarly(slot);
  if (error == EINPROGRESS) return AwaitConnection(slot);
  if (error != 0) return ConnectFailed(slot, error);
  Opened(slot);
  if (slot.state != SlotState::kOpen) return;
  const uint32_t writable = slot.unsent > 0 ? EPOLLOUT : 0u;
  if (epoll().Add(slot.fd, kEvents | writable, IndexOf(slot)).ok()) return;
  if (slot.in_operation()) {
    Fail(slot, ENOSPC);
  } else {
    Lose(slot);
  }
}

// On one host the handshake is done when connect() returns, and trying is cheaper than an event.
int ClientWorker::TryEarly(Slot& slot) {
  if (skip_open_checks_ > 0) {
    --skip_open_checks_;
    return EINPROGRESS;
  }
  const int error = workload_->TryEarly(*this, slot);
  if (error == EINPROGRESS) skip_open_checks_ = kOpenChecksSkipped;
  return error;
}

int ClientWorker::AskAgain(const Slot& slot) const {
  const int error = sys::Connect(slot.fd, AddressOf(slot));
  return error == EALREADY ? EINPROGRESS : error;
}

void ClientWorker::AwaitConnection(Slot& slot) {
  if (!epoll().Add(slot.fd, kEvents | EPOLLOUT, IndexOf(slot)).ok()) return Fail(slot, ENOSPC);
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
  slot.failures = 0;
  ++counters().opened;
  ++counters().active;
  const bool may_reopen = plan().stays || plan().spec.workload() == v1::StressSpec::WORKLOAD_RR;
  if (slot.was_open && may_reopen) ++counters().reconnects;
  slot.was_open = true;
  if (IsCounted(Oldest(slot).due_ns)) RecordConnect(slot);
  preferred_address_[slot.target] = slot.address;
  sampler().Opened(IndexOf(slot), slot.fd,
                   is_by_target_ ? &targets()[slot.target].rtt_us : nullptr);
  if (counters().opened == 1 && control().ClaimFirstConnection()) {
    control().NoteFirstConnection(ReadSocketOptions(slot.fd));
  }
  workload_->OnOpen(*this, slot);
  if (slot.state != SlotState::kOpen) return;
  if (pipeline_ > 1) Offer(slot);
  if (plan().stays && lifetime_ns_ != kNever && !timers_.Has(IndexOf(slot))) {
    SetTimer(slot, kNever);
  }
}

void ClientWorker::RecordConnect(Slot& slot) {
  const int64_t latency_ns = now_ns() - slot.connect_ns;
  const auto value = static_cast<uint64_t>(latency_ns);
  histograms().connect_ns.Record(value);
  if (is_by_target_) targets()[slot.target].connect_ns.Record(value);
  if (latency_ns < kRetransmitSuspectedNs) return;
  const uint32_t retransmits = ReadTotalRetransmits(slot.fd);
  if (retransmits == 1) histograms().connect_one_ns.Record(value);
  if (retransmits > 1) histograms().connect_more_ns.Record(value);
}

void ClientWorker::ConnectFailed(Slot& slot, int error) {
  const size_t addresses = plan().targets[slot.target].addresses.size();
  if (!IsWorthAnotherAddress(error) || slot.failed_addresses + 1u >= addresses) {
    return Fail(slot, error);
  }
  CloseConnection(slot);
  ++slot.failed_addresses;
  slot.address = static_cast<uint8_t>((slot.address + 1u) % addresses);
  Connect(slot);
}

void ClientWorker::CloseConnection(Slot& slot) {
  if (slot.state == SlotState::kConnecting) connecting_.Remove(IndexOf(slot));
  if (slot.state == SlotState::kOpen) {
    --counters().active;
    sampler().Closing(IndexOf(slot), now_ns(), histograms().tcp_info);
    // Timers of the connection itself; others belong to the slot's next operation.
    if (plan().stays || slot.parting) timers_.Cancel(IndexOf(slot));
  }
  slot.state = SlotState::kClosed;
  slot.parting = slot.sent_early = false;
  slot.unsent = slot.unreceived = 0;
  if (slot.fd >= 0) sys::CloseSocket(std::exchange(slot.fd, -1));
  ports_.Release(slot.lease);
}

void ClientWorker::Part(Slot& slot) {
  if (plan().spec.close_mode() != v1::StressSpec::CLOSE_MODE_SERVER_FIN) return Parted(slot);
  slot.parting = true;
  timers_.Set(IndexOf(slot), now_ns() + plan().connect_timeout_ns);
}

void ClientWorker::Parted(Slot& slot) {
  CloseConnection(slot);
  Release(slot);
}

void ClientWorker::AwaitWritable(Slot& slot) {
  // Before its first registration the connection is added with EPOLLOUT anyway.
  (void)epoll().Modify(slot.fd, kEvents | EPOLLOUT, IndexOf(slot));
}

void ClientWorker::SetTimer(Slot& slot, int64_t due_ns) {
  const uint32_t i = IndexOf(slot);
  if (lifetime_ns_ != kNever) due_ns = std::min(due_ns, slot.connect_ns + lifetime_ns_);
  timers_.Set(i, due_ns);
}

void ClientWorker::CountSent(const Slot& slot, size_t bytes) {
  counters().bytes_sent += bytes;
  if (is_by_target_ && IsCounted(now_ns())) targets()[slot.target].bytes_sent += bytes;
  if (plan().governor != nullptr) plan().governor->CountSent(now_ns(), bytes);
}

void ClientWorker::CountReceived(const Slot& slot, size_t bytes) {
  counters().bytes_received += bytes;
  if (is_by_target_ && IsCounted(now_ns())) targets()[slot.target].bytes_received += bytes;
  options_.RenewQuickAck(slot.fd);
}

bool ClientWorker::Discard(Slot& slot) {
  std::array<std::byte, 4096> buffer;
  // Endless data must not hold the thread: what comes later brings its own event.
  for (int i = 0; i < 16; ++i) {
    const ssize_t received = sys::Receive(slot.fd, absl::MakeSpan(buffer));
    if (received == -EAGAIN) return true;
    if (received <= 0) return false;
    CountReceived(slot, static_cast<size_t>(received));
  }
  return true;
}

void ClientWorker::CloseAll(bool reset) {
  for (Slot& slot : slots_) {
    if (slot.fd < 0) continue;
    if (slot.state == SlotState::kOpen) {
      sampler().Closing(IndexOf(slot), now_ns(), histograms().tcp_info);
    } else if (sys::Connect(slot.fd, AddressOf(slot)) == 0) {
      ++counters().opened;
    }
    // When this fails the connection is already gone.
    if (reset && !options_.linger_reset) (void)sys::SetLingerReset(slot.fd);
    sys::CloseSocket(std::exchange(slot.fd, -1));
    slot.state = SlotState::kClosed;
  }
}

}  // namespace tcpfleet::agent
