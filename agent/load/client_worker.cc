#include "agent/load/client_worker.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <limits>

#include "agent/load/governor.h"
#include "agent/load/plan_checks.h"
#include "common/base/status_macros.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::agent {
namespace {

constexpr size_t kMostStartsPerTurn = 64;
constexpr int64_t kNsPerMs = 1'000'000;

size_t MostHandshakes(const v1::StressSpec& spec, bool stays) {
  return stays && !spec.has_herd_at_ms() ? ClientWorker::kMostHandshakes
                                         : std::numeric_limits<size_t>::max();
}

ScheduleSeat SeatOf(const RunPlan& plan, uint32_t index) {
  ScheduleSeat seat{.worker = index, .workers = plan.threads};
  if (plan.spec.has_schedule_share()) {
    const v1::ScheduleShare& share = plan.spec.schedule_share();
    seat.stride = share.stride();
    seat.offsets.assign(share.offsets().begin(), share.offsets().end());
  }
  return seat;
}

RateCurve CurveOf(const v1::StressSpec& spec) {
  return spec.rate_segments_size() > 0
             ? RateCurve(absl::MakeConstSpan(spec.rate_segments().data(),
                                             static_cast<size_t>(spec.rate_segments_size())))
             : RateCurve(spec.rate_per_second());
}

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
      workload_(NewWorkload(plan(), ShareOf(plan().spec.connections(), index(), plan().threads))),
      most_handshakes_(MostHandshakes(plan().spec, plan().stays)),
      pipeline_(std::max(1u, plan().spec.pipeline())),
      own_period_ns_(plan().spec.rate_per_connection() > 0 ? 1e9 / plan().spec.rate_per_connection()
                                                           : 0),
      lifetime_ns_(plan().spec.lifetime_ms() > 0
                       ? static_cast<int64_t>(plan().spec.lifetime_ms()) * kNsPerMs
                       : kNever),
      think_ns_(static_cast<int64_t>(plan().spec.think_time_us()) * 1'000),
      most_requests_(plan().spec.requests_per_connection() > 0
                         ? plan().spec.requests_per_connection()
                         : std::numeric_limits<uint32_t>::max()),
      is_scheduled_(plan().is_scheduled),
      has_responses_(plan().exchanges || plan().is_scheduled),
      is_by_target_(plan().spec.per_target()),
      slots_(ShareOf(plan().spec.connections(), index(), plan().threads)),
      rings_(pipeline_ > 1 ? slots_.size() * pipeline_ : 0),
      ports_(plan(), index()),
      timers_(slots_.size()),
      preferred_address_(plan().targets.size(), 0),
      random_(plan().spec.arrivals().seed() + index()) {
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    const uint64_t number = index() + uint64_t{i} * plan().threads;
    slots_[i].target = plan().turns[number % plan().turns.size()];
  }
}

ClientWorker::~ClientWorker() { Join(); }

void ClientWorker::OnStart() {
  const v1::StressSpec& spec = plan().spec;
  if (HasFleetSchedule(spec)) {
    arrivals_.emplace(start_ns(), CurveOf(spec), SeatOf(plan(), index()), spec.arrivals());
  }
  for (const uint64_t reset_ms : spec.reset_at_ms()) {
    resets_ns_.push_back(start_ns() + static_cast<int64_t>(reset_ms) * kNsPerMs);
  }
  std::sort(resets_ns_.begin(), resets_ns_.end(), std::greater<>());
  for (Slot& slot : slots_) Offer(slot);
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
  if (!resets_ns_.empty() && resets_ns_.back() <= now_ns()) ResetConnections();
  RunTimers();
  StartDue();
}

int64_t ClientWorker::NextTimerNs() const {
  int64_t due_ns = timers_.next_ns();
  if (!connecting_.empty()) {
    due_ns = std::min(due_ns, slots_[connecting_.front()].connect_ns + plan().connect_timeout_ns);
  }
  if (!resets_ns_.empty()) due_ns = std::min(due_ns, resets_ns_.back());
  if (HasStarted() && MayStart()) {
    due_ns = std::min(due_ns, std::max(NextDueNs(), held_back_until_ns_));
  }
  return due_ns;
}

bool ClientWorker::MayStart() const {
  return !ready_.empty() && (arrivals_ || connecting_.size() < most_handshakes_);
}

// The host's limits leave room for what the slot is about to do.
bool ClientWorker::MayLoad(const Slot& slot) {
  Governor* const governor = plan().governor;
  if (governor == nullptr) return true;
  if (!governor->MaySend(now_ns())) {
    held_back_until_ns_ = governor->send_at_ns();
    return false;
  }
  if (slot.state == SlotState::kOpen || governor->MayOpen(now_ns())) return true;
  held_back_until_ns_ = governor->open_at_ns();
  return false;
}

// When the first of the slots that are ready starts its operation.
int64_t ClientWorker::NextDueNs() const {
  if (arrivals_) return arrivals_->next_ns();
  const bool is_herd = plan().spec.has_herd_at_ms() && slots_[ready_.front()].turns == 0;
  return is_herd ? start_ns() + static_cast<int64_t>(plan().spec.herd_at_ms()) * kNsPerMs
                 : now_ns();
}

// When a slot with a schedule of its own starts its next operation. The schedules of all slots are
// spread evenly over a period.
int64_t ClientWorker::OwnDueNs(const Slot& slot) const {
  const double number = index() + static_cast<double>(IndexOf(slot)) * plan().threads;
  const double periods = slot.turns + number / plan().spec.connections();
  return start_ns() +
         static_cast<int64_t>(std::min(periods * own_period_ns_, static_cast<double>(kFarNs)));
}

void ClientWorker::StartDue() {
  // Operations may finish at once and release their slot: each ready slot gets one turn, or fills
  // its pipeline.
  for (size_t n = std::min(ready_.size() * pipeline_, kMostStartsPerTurn); n > 0; --n) {
    if (!MayStart() || IsBoundaryDue()) return;
    const int64_t due_ns = NextDueNs();
    if (due_ns > now_ns()) return;
    Slot& slot = slots_[ready_.front()];
    if (!HasRoom(slot)) {  // too old by now: it is released when what is under way has ended
      TakeOut(slot);
      continue;
    }
    if (!MayLoad(slot)) return;
    if (arrivals_) arrivals_->Advance();
    TakeOut(slot);
    StartOperation(slot, due_ns);
  }
}

void ClientWorker::RunTimers() {
  for (size_t n = kMostStartsPerTurn; n > 0; --n) {
    const int64_t due_ns = timers_.next_ns();
    if (due_ns > now_ns() || IsBoundaryDue()) return;
    Slot& slot = slots_[timers_.front()];
    if (slot.state != SlotState::kOpen && !MayLoad(slot)) {
      timers_.Set(IndexOf(slot), std::max(held_back_until_ns_, now_ns() + 1));
      continue;
    }
    timers_.Cancel(IndexOf(slot));
    OnTimer(slot, due_ns);
  }
}

void ClientWorker::OnTimer(Slot& slot, int64_t due_ns) {
  if (slot.parting) return Lose(slot);
  if (!plan().stays) {
    if (own_period_ns_ == 0) return MakeReady(slot);
    if (HasRoom(slot)) StartOperation(slot, OwnDueNs(slot));
    return;
  }
  if (slot.state == SlotState::kOpen) {
    if (now_ns() - slot.connect_ns < lifetime_ns_) return workload_->OnTimer(*this, slot);
    CloseConnection(slot);
  }
  StartOperation(slot, due_ns);
}

void ClientWorker::ExpireConnects() {
  while (!connecting_.empty()) {
    Slot& slot = slots_[connecting_.front()];
    if (slot.connect_ns + plan().connect_timeout_ns > now_ns()) return;
    ConnectFailed(slot, ETIMEDOUT);
  }
}

void ClientWorker::ResetConnections() {
  resets_ns_.pop_back();
  for (Slot& slot : slots_) {
    if (slot.fd < 0) continue;
    // When this fails the connection is already gone.
    (void)sys::SetLingerReset(slot.fd);
    FailOperations(slot, ECONNRESET);
    CloseConnection(slot);
    AfterBreak(slot, Break::kReset);
  }
}

}  // namespace tcpfleet::agent
