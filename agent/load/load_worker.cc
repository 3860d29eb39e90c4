#include "agent/load/load_worker.h"

#include <algorithm>
#include <utility>

#include "agent/load/schedule.h"
#include "common/base/clock.h"
#include "common/sys/thread.h"

namespace tcpfleet::agent {
namespace {

constexpr uint64_t kWakeToken = ~uint64_t{0};
// Heartbeats and reports go first; but nothing may go before the first connections, or the fleet
// does not start together.
constexpr int kLoadNice = 5;

size_t SingleTargets(const RunPlan& plan) {
  return plan.spec.per_target() ? plan.targets.size() : 0;
}

}  // namespace

LoadWorker::LoadWorker(const Seat& seat, sys::Epoll epoll, sys::EventFd wake, int64_t grace_ns)
    : seat_(seat),
      epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      after_ns_(seat.plan->cooldown_ns + grace_ns),
      is_precise_(seat.plan->spec.timer() == v1::StressSpec::TIMER_PRECISE),
      sampler_(
          ShareOf(std::min(seat.plan->spec.tcp_info_connections(), seat.plan->spec.connections()),
                  seat.index, seat.plan->threads),
          kMostLiveRows / seat.plan->threads, kMostClosedRows / seat.plan->threads),
      exemplars_(seat.plan->is_client ? seat.plan->spec.exemplars() : 0),
      mailbox_(kMostClosedRows / seat.plan->threads, SingleTargets(*seat.plan)) {
  report_.targets.resize(SingleTargets(*seat.plan));
}

absl::Status LoadWorker::Prepare(sys::Epoll& epoll, const sys::EventFd& wake) {
  return epoll.Add(wake.fd(), EPOLLIN, kWakeToken);
}

void LoadWorker::Start() {
  thread_ = std::thread([this] { Run(); });
}

void LoadWorker::Join() {
  if (thread_.joinable()) thread_.join();
}

void LoadWorker::Run() {
  sys::SetTimerSlack(1);
  while (phase_ == Phase::kReady) Turn();
  sys::LowerThreadPriority(kLoadNice);
  while (phase_ != Phase::kDone) Turn();
}

void LoadWorker::ReadClock() { now_ns_ = base::MonotonicNowNs(); }

void LoadWorker::Turn() {
  const absl::Span<epoll_event> events = Await();
  ReadClock();
  if (control().MustStop(now_ns_)) return Finish(/*reset=*/true);
  if (phase_ == Phase::kReady && start_ns_ == 0 && control().start_ns() != 0) {
    start_ns_ = boundary_ns_ = control().start_ns();
  }
  for (const epoll_event& event : events) {
    if (IsBoundaryDue()) CrossBoundary();
    if (phase_ == Phase::kDone) return;
    if (event.data.u64 == kWakeToken) {
      wake_.Drain();
    } else {
      OnEvent(static_cast<uint32_t>(event.data.u64), event.events);
    }
  }
  if (IsBoundaryDue()) CrossBoundary();
  if (phase_ == Phase::kDone) return;
  OnTurn();
  if (sampler_.sweeping() && sampler_.ContinueSweep(now_ns_, histograms().tcp_info)) {
    mailbox_.PostSweep(now_ns_, sampler_.live());
    control().NotifyChange();
  }
}

// A busy server pays for waking a thread that sleeps, up to a third of its time: with the precise
// timer the next event is looked for before.
absl::Span<epoll_event> LoadWorker::Await() {
  if (is_precise_ && WaitNs() > kPatienceNs) {
    for (const int64_t until_ns = now_ns_ + kPatienceNs; now_ns_ < until_ns; ReadClock()) {
      const absl::Span<epoll_event> events = epoll_.Wait(absl::MakeSpan(events_), 0);
      if (!events.empty()) return events;
    }
  }
  return epoll_.Wait(absl::MakeSpan(events_), WaitNs());
}

int64_t LoadWorker::WaitNs() {
  if (sampler_.sweeping()) return 0;
  const int64_t due_ns = std::min(boundary_ns_, NextTimerNs());
  if (due_ns <= now_ns_) return 0;
  ReadClock();
  if (is_precise_) {
    while (now_ns_ < due_ns && due_ns - now_ns_ <= kSpinNs) ReadClock();
    return std::clamp<int64_t>(due_ns - now_ns_ - kPollNs, 0, kLongestWaitNs);
  }
  return std::clamp<int64_t>(due_ns - now_ns_, 0, kLongestWaitNs);
}

void LoadWorker::CrossBoundary() {
  if (phase_ == Phase::kReady) BeginWarmUp();
  const int64_t measure_ns = start_ns_ + plan().warmup_ns;
  if (phase_ == Phase::kWarmUp && now_ns_ >= measure_ns) BeginMeasuring();
  const int64_t end_ns = measure_ns + plan().duration_ns;
  if (phase_ == Phase::kMeasured && now_ns_ >= end_ns) {
    Snapshot();
    at_end_ = report_.counters;
    phase_ = Phase::kCoolDown;
  }
  if (phase_ == Phase::kCoolDown && now_ns_ >= end_ns + after_ns_) return Finish(/*reset=*/false);
  if (now_ns_ >= next_report_ns_) PostInterval();
  const int64_t phase_end_ns = phase_ == Phase::kWarmUp     ? measure_ns
                               : phase_ == Phase::kMeasured ? end_ns
                                                            : end_ns + after_ns_;
  boundary_ns_ = std::min(next_report_ns_, phase_end_ns);
}

void LoadWorker::BeginWarmUp() {
  phase_ = Phase::kWarmUp;
  counted_until_ns_ = start_ns_ + plan().warmup_ns;
  window_ns_ = start_ns_;
  window_cpu_ns_ = sys::ThreadCpuNs();
  next_report_ns_ = start_ns_ + plan().interval_ns;
  OnStart();
}

void LoadWorker::BeginMeasuring() {
  phase_ = Phase::kMeasured;
  window_ns_ = counted_until_ns_;
  if (!plan().stays) counted_from_ns_ = window_ns_;
  counted_until_ns_ = window_ns_ + plan().duration_ns;
  window_cpu_ns_ = sys::ThreadCpuNs();
  next_report_ns_ = window_ns_ + plan().interval_ns;
  report_.measured = true;
  // Clearing takes a while, and without a warm-up the first connection waits for it.
  if (plan().warmup_ns == 0) return;
  counters_.Restart(plan().stays);
  report_.histograms.Clear();
  for (TargetNumbers& target : report_.targets) {
    target.Restart(plan().stays);
  }
  exemplars_.Clear();
  sampler_.Restart();
  mailbox_.Restart();
}

// Freezes the numbers that belong to a length of time.
void LoadWorker::Snapshot() {
  report_.monotonic_ns = now_ns_;
  report_.counters = counters_;
  if (phase_ == Phase::kCoolDown) return report_.counters.TakeTimed(at_end_);
  const int64_t end_ns = start_ns_ + plan().warmup_ns + plan().duration_ns;
  report_.counters.cpu_ns = sys::ThreadCpuNs() - window_cpu_ns_;
  report_.counters.measured_ns = std::min(now_ns_, end_ns) - window_ns_;
}

void LoadWorker::PostInterval() {
  Snapshot();
  const int64_t passed = (now_ns_ - next_report_ns_) / plan().interval_ns + 1;
  next_report_ns_ += passed * plan().interval_ns;
  report_.tcp_info = sampler_.counts();
  std::swap(report_.closed, sampler_.closed());
  report_.dropped_rows = sampler_.TakeDropped();
  mailbox_.Post(report_);
  if (!sampler_.sweeping()) sampler_.StartSweep();
  control().NotifyChange();
}

void LoadWorker::Finish(bool reset) {
  if (HasStarted()) OnEnd();
  counters_.CancelInFlight();
  // Before sockets are closed: that takes CPU time, and connections are still open now.
  if (HasStarted()) Snapshot();
  report_.monotonic_ns = now_ns_;
  CloseAll(reset);
  report_.counters.opened = counters_.opened;
  report_.counters.accepted = counters_.accepted;
  report_.final = true;
  report_.tcp_info = sampler_.counts();
  std::swap(report_.closed, sampler_.closed());
  report_.dropped_rows += sampler_.TakeDropped();
  report_.slowest = exemplars_.Take();
  mailbox_.Post(report_);
  phase_ = Phase::kDone;
  control().NotifyChange();
}

}  // namespace tcpfleet::agent
