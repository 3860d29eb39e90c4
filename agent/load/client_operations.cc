#include <algorithm>
#include <cmath>

#include "agent/load/client_worker.h"
#include "agent/load/missed_operations.h"

namespace tcpfleet::agent {
namespace {

constexpr double kNsPerMs = 1e6;

uint64_t Elapsed(int64_t from_ns, int64_t to_ns) {
  return static_cast<uint64_t>(std::max<int64_t>(0, to_ns - from_ns));
}

}  // namespace

void ClientWorker::StartOperation(Slot& slot, int64_t due_ns) {
  if (slot.state == SlotState::kOpen && IsUsedUp(slot)) CloseConnection(slot);
  if (is_scheduled_) ReadClock();
  ++slot.turns;
  Append(slot) = {due_ns, now_ns()};
  if (IsCounted(due_ns)) {
    counters().Attempt();
    if (is_by_target_) ++targets()[slot.target].attempted;
    if (is_scheduled_) {
      histograms().lateness_ns.Record(Elapsed(std::max(due_ns, slot.free_ns), now_ns()));
    }
  }
  if (slot.state == SlotState::kOpen) {
    ++slot.requests;
    workload_->OnOpen(*this, slot);
  } else {
    slot.failed_addresses = 0;
    slot.address = preferred_address_[slot.target];
    slot.requests = 1;
    Connect(slot);
  }
  if (pipeline_ > 1) Offer(slot);
}

Operation& ClientWorker::Append(Slot& slot) {
  const uint32_t place = slot.oldest + slot.outstanding++;
  if (pipeline_ == 1) return slot.operation;
  return rings_[size_t{IndexOf(slot)} * pipeline_ + place % pipeline_];
}

Operation& ClientWorker::Oldest(Slot& slot) {
  return pipeline_ == 1 ? slot.operation : rings_[size_t{IndexOf(slot)} * pipeline_ + slot.oldest];
}

// The oldest operation of `slot` ends now. False when it is not counted.
bool ClientWorker::TakeCounted(Slot& slot, bool has_response) {
  const Operation operation = Oldest(slot);
  --slot.outstanding;
  if (pipeline_ > 1) slot.oldest = static_cast<uint16_t>((slot.oldest + 1u) % pipeline_);
  if (!IsCounted(operation.due_ns)) return false;
  if (has_response) {
    const uint64_t response_ns = Elapsed(operation.due_ns, now_ns());
    histograms().response_ns.Record(response_ns);
    if (is_by_target_) targets()[slot.target].response_ns.Record(response_ns);
    if (is_scheduled_) {
      histograms().service_ns.Record(Elapsed(operation.start_ns, now_ns()));
    }
  }
  exemplars().Offer(operation, slot.fd, now_ns());
  return true;
}

bool ClientWorker::Succeed(Slot& slot) {
  if (!TakeCounted(slot, has_responses_)) return false;
  counters().Succeed();
  if (is_by_target_) ++targets()[slot.target].succeeded;
  return true;
}

// With a schedule, what an operation has cost until it failed is part of the response times: those
// that fail late must not vanish from them.
void ClientWorker::FailOperations(Slot& slot, int error) {
  while (slot.in_operation()) {
    if (!TakeCounted(slot, is_scheduled_)) continue;
    counters().Fail(error);
    if (is_by_target_) ++targets()[slot.target].failed;
  }
}

void ClientWorker::Fail(Slot& slot, int error) {
  ReadClock();
  FailOperations(slot, error);
  CloseConnection(slot);
  if (!noted_failure_) {
    noted_failure_ = true;
    control().NoteFirstFailure();
  }
  AfterBreak(slot, Break::kFailed);
}

void ClientWorker::Lose(Slot& slot) {
  ++counters().lost;
  CloseConnection(slot);
  AfterBreak(slot, Break::kLost);
}

void ClientWorker::LoseDead(Slot& slot) {
  ++counters().dead;
  Lose(slot);
}

bool ClientWorker::IsUsedUp(const Slot& slot) const {
  return slot.requests >= most_requests_ || now_ns() - slot.connect_ns >= lifetime_ns_;
}

bool ClientWorker::HasRoom(const Slot& slot) const {
  if (slot.outstanding == 0) return true;
  return slot.state == SlotState::kOpen && slot.outstanding < pipeline_ && !IsUsedUp(slot);
}

void ClientWorker::Release(Slot& slot) {
  if (slot.state == SlotState::kOpen && !slot.in_operation() && IsUsedUp(slot)) {
    CloseConnection(slot);
  }
  if (slot.ready || timers_.Has(IndexOf(slot)) || !HasRoom(slot)) return;
  slot.free_ns = now_ns();
  Offer(slot);
}

// Lets a slot with room wait for its next operation.
void ClientWorker::Offer(Slot& slot) {
  const uint32_t i = IndexOf(slot);
  if (slot.ready || timers_.Has(i) || !HasRoom(slot)) return;
  if (own_period_ns_ > 0) return timers_.Set(i, OwnDueNs(slot));
  if (think_ns_ > 0 && slot.turns > 0) return timers_.Set(i, now_ns() + think_ns_);
  MakeReady(slot);
}

void ClientWorker::MakeReady(Slot& slot) {
  slot.ready = true;
  ready_.PushBack(IndexOf(slot));
}

void ClientWorker::TakeOut(Slot& slot) {
  if (slot.ready) ready_.Remove(IndexOf(slot));
  slot.ready = false;
  timers_.Cancel(IndexOf(slot));
}

// Decides when a slot whose connection is gone may have another one.
void ClientWorker::AfterBreak(Slot& slot, Break why) {
  int64_t pause_ns = 0;
  switch (plan().spec.reconnect().policy()) {
    case v1::Reconnect::POLICY_NEVER:
      return TakeOut(slot);
    case v1::Reconnect::POLICY_BACKOFF:
      pause_ns = BackoffNs(slot);
      break;
    default:
      if (plan().stays && why == Break::kLost) return TakeOut(slot);
      if (why == Break::kFailed && (plan().stays || !is_scheduled_)) {
        pause_ns = kPauseNs;
      } else if (slot.ready || timers_.Has(IndexOf(slot))) {
        return;  // it waits for its next operation anyway
      }
  }
  TakeOut(slot);
  slot.free_ns = now_ns() + pause_ns;
  if (plan().stays || pause_ns > 0) {
    const int64_t own_ns = own_period_ns_ > 0 ? OwnDueNs(slot) : 0;
    timers_.Set(IndexOf(slot), std::max(slot.free_ns, own_ns));
  } else {
    Offer(slot);
  }
}

// Doubles with every break in a row; half of it is left to chance.
int64_t ClientWorker::BackoffNs(Slot& slot) {
  const v1::Reconnect& reconnect = plan().spec.reconnect();
  const double pause_ms =
      std::fmin(std::ldexp(static_cast<double>(reconnect.first_ms()), slot.failures),
                static_cast<double>(reconnect.most_ms()));
  if (slot.failures < 64) ++slot.failures;
  return static_cast<int64_t>(pause_ms * kNsPerMs * (1 + NextUniform(random_)) / 2);
}

void ClientWorker::OnEnd() {
  for (Slot& slot : slots_) {
    while (slot.in_operation()) TakeCounted(slot, is_scheduled_);
  }
  // hold and stream open every connection once; there is no connection too few.
  if (is_scheduled_ && !plan().stays) CountMissed();
}

void ClientWorker::CountMissed() {
  MissedTime time{.from_ns = counted_from_ns(), .until_ns = counted_until_ns(), .end_ns = now_ns()};
  time.from_ns = std::max(time.from_ns, start_ns());
  time.until_ns = std::min(time.until_ns, time.end_ns);
  if (arrivals_) {
    return counters().MissOperations(RecordMissed(*arrivals_, time, histograms().response_ns));
  }
  for (const Slot& slot : slots_) {
    const int64_t first_ns = OwnDueNs(slot);
    const auto count_before = [&](int64_t time_ns) {
      const double periods = static_cast<double>(time_ns - first_ns) / own_period_ns_;
      return static_cast<uint64_t>(std::fmax(0, std::ceil(periods)));
    };
    MissedTime own = time;
    own.from_ns = std::max(own.from_ns, first_ns);
    counters().MissOperations(RecordMissed(count_before, own, histograms().response_ns));
  }
}

}  // namespace tcpfleet::agent
