#include "agent/load/load_worker.h"

#include <algorithm>
#include <utility>

#include "agent/load/schedule.h"
#include "common/base/clock.h"
#include "common/sys/thread.h"

namespace tcpfleet::agent {
namespace {

constexpr uint64_t kWakeToken = ~uint64_t{0};
// Heartbeats and reports go first.
constexpr int kLoadNice = 5;

}  // namespace

LoadWorker::LoadWorker(const Seat& seat, sys::Epoll epoll, sys::EventFd wake, int64_t grace_ns)
    : seat_(seat),
      epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      grace_ns_(grace_ns),
      sampler_(
          ShareOf(std::min(seat.plan->spec.tcp_info_connections(), seat.plan->spec.connections()),
                  seat.index, seat.plan->threads),
          kMostLiveRows / seat.plan->threads, kMostClosedRows / seat.plan->threads),
      mailbox_(kMostClosedRows / seat.plan->threads) {}

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
  sys::LowerThreadPriority(kLoadNice);
  sys::SetTimerSlack(1);
  while (phase_ != Phase::kDone) Turn();
}

void LoadWorker::ReadClock() { now_ns_ = base::MonotonicNowNs(); }

void LoadWorker::Turn() {
  const absl::Span<epoll_event> events = epoll_.Wait(absl::MakeSpan(events_), WaitNs());
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

int64_t LoadWorker::WaitNs() {
  if (sampler_.sweeping()) return 0;
  const int64_t due_ns = std::min(boundary_ns_, NextTimerNs());
  if (due_ns <= now_ns_) return 0;
  ReadClock();
  return std::clamp<int64_t>(due_ns - now_ns_, 0, kLongestWaitNs);
}

void LoadWorker::CrossBoundary() {
  const int64_t measure_ns = start_ns_ + plan().warmup_ns;
  const int64_t end_ns = measure_ns + plan().duration_ns;
  if (phase_ == Phase::kReady) {
    phase_ = Phase::kWarmUp;
    window_ns_ = start_ns_;
    window_cpu_ns_ = sys::ThreadCpuNs();
    next_report_ns_ = start_ns_ + plan().interval_ns;
    OnStart();
  }
  if (phase_ == Phase::kWarmUp && now_ns_ >= measure_ns) BeginMeasuring();
  if (phase_ == Phase::kMeasured && now_ns_ >= end_ns) {
    Snapshot();
    final_counters_ = report_.counters;
    phase_ = Phase::kGrace;
  }
  if (phase_ == Phase::kGrace) {
    if (now_ns_ >= end_ns + grace_ns_) return Finish(/*reset=*/false);
    boundary_ns_ = end_ns + grace_ns_;
    return;
  }
  if (now_ns_ >= next_report_ns_) PostInterval();
  boundary_ns_ = std::min(next_report_ns_, phase_ == Phase::kWarmUp ? measure_ns : end_ns);
}

void LoadWorker::BeginMeasuring() {
  phase_ = Phase::kMeasured;
  window_ns_ = start_ns_ + plan().warmup_ns;
  window_cpu_ns_ = sys::ThreadCpuNs();
  next_report_ns_ = window_ns_ + plan().interval_ns;
  report_.measured = true;
  report_.counters.Restart();
  report_.histograms.Clear();
  sampler_.Restart();
  mailbox_.Restart();
}

// Freezes the numbers that belong to a length of time.
void LoadWorker::Snapshot() {
  const int64_t end_ns = start_ns_ + plan().warmup_ns + plan().duration_ns;
  report_.monotonic_ns = now_ns_;
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
  if (phase_ == Phase::kWarmUp || phase_ == Phase::kMeasured) Snapshot();
  if (phase_ == Phase::kGrace) {
    final_counters_.accepted = report_.counters.accepted;
    report_.counters = final_counters_;
  }
  report_.monotonic_ns = now_ns_;
  CloseAll(reset);
  report_.counters.CancelInFlight();
  report_.final = true;
  report_.tcp_info = sampler_.counts();
  std::swap(report_.closed, sampler_.closed());
  report_.dropped_rows += sampler_.TakeDropped();
  mailbox_.Post(report_);
  phase_ = Phase::kDone;
  control().NotifyChange();
}

}  // namespace tcpfleet::agent
