// One load thread: its event loop, the phases of a run in it, and the reports it makes. What it
// does with sockets is the subclass's: ClientWorker or ServerWorker.
//
// Threads: made, started, woken and joined by the supervisor; everything else happens on the
//          worker's own thread.
// Bounds:  a turn handles at most kEventsPerTurn events and never sleeps longer than
//          kLongestWaitNs, so a stop or the end of the lease is noticed without anybody's help.
#pragma once

#include <absl/status/status.h>

#include <array>
#include <cstdint>
#include <limits>
#include <thread>
#include <vector>

#include "agent/load/mailbox.h"
#include "agent/load/plan.h"
#include "agent/load/run_control.h"
#include "agent/load/tcp_info_sampler.h"
#include "common/sys/epoll.h"
#include "common/sys/event_fd.h"

namespace tcpfleet::agent {

class LoadWorker {
 public:
  virtual ~LoadWorker() = default;
  LoadWorker(const LoadWorker&) = delete;
  LoadWorker& operator=(const LoadWorker&) = delete;

  void Start();
  // Makes it look at RunControl now.
  void Wake() { wake_.Notify(); }
  void Join();

  Mailbox& mailbox() { return mailbox_; }
  bool SamplesTcpInfo() const { return sampler_.slots() > 0; }

 protected:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  struct Seat {
    const RunPlan* plan;  // outlives the worker, as does `control`
    RunControl* control;
    uint32_t index;
  };
  // For `grace_ns` after the cool-down the worker goes on.
  LoadWorker(const Seat& seat, sys::Epoll epoll, sys::EventFd wake, int64_t grace_ns);
  // Adds `wake` to `epoll`.
  static absl::Status Prepare(sys::Epoll& epoll, const sys::EventFd& wake);

  virtual void OnStart() {}
  // `token` is below 2^32.
  virtual void OnEvent(uint32_t token, uint32_t events) = 0;
  // After the events of each turn.
  virtual void OnTurn() = 0;
  // The run is over, its sockets are still open: accounts for what is under way.
  virtual void OnEnd() {}
  // When OnTurn has something to do next, if no event comes before.
  virtual int64_t NextTimerNs() const = 0;
  // Samples and closes every connection, with a reset if so asked. What opened without having been
  // noticed is counted as opened.
  virtual void CloseAll(bool reset) = 0;

  bool HasStarted() const { return phase_ != Phase::kReady; }
  int64_t start_ns() const { return start_ns_; }
  // Operations are counted by the time they were due: in the warm-up those of the warm-up, later
  // those of the measured time; those of connections that stay in both.
  bool IsCounted(int64_t due_ns) const {
    return due_ns >= counted_from_ns_ && due_ns < counted_until_ns_;
  }
  int64_t counted_from_ns() const { return counted_from_ns_; }
  int64_t counted_until_ns() const { return counted_until_ns_; }
  void ReadClock();
  int64_t now_ns() const { return now_ns_; }
  // Something falls due at this time: the handling of events pauses for it.
  bool IsBoundaryDue() const { return now_ns_ >= boundary_ns_; }

  const RunPlan& plan() const { return *seat_.plan; }
  RunControl& control() { return *seat_.control; }
  uint32_t index() const { return seat_.index; }
  sys::Epoll& epoll() { return epoll_; }
  Counters& counters() { return counters_; }
  RunHistograms& histograms() { return report_.histograms; }
  TcpInfoSampler& sampler() { return sampler_; }
  // By target of the plan; empty unless the run asks for them.
  std::vector<TargetNumbers>& targets() { return report_.targets; }
  Exemplars& exemplars() { return exemplars_; }

 private:
  enum class Phase { kReady, kWarmUp, kMeasured, kCoolDown, kDone };
  static constexpr size_t kEventsPerTurn = 128;
  static constexpr int64_t kLongestWaitNs = 100'000'000;
  // The precise timer sleeps until so long before something is due, then polls; and does nothing
  // but look at the clock for the last moment.
  static constexpr int64_t kPollNs = 30'000;
  static constexpr int64_t kSpinNs = 2'000;
  // And it polls so long for events before it sleeps at all.
  static constexpr int64_t kPatienceNs = 10'000;

  void Run();
  void Turn();
  absl::Span<epoll_event> Await();
  int64_t WaitNs();
  void CrossBoundary();
  void BeginWarmUp();
  void BeginMeasuring();
  void Snapshot();
  void PostInterval();
  void Finish(bool reset);

  const Seat seat_;
  sys::Epoll epoll_;
  sys::EventFd wake_;
  const int64_t after_ns_;  // from the end of the measured time to that of the run
  const bool is_precise_;
  std::array<epoll_event, kEventsPerTurn> events_;

  Phase phase_ = Phase::kReady;
  int64_t now_ns_ = 0;
  int64_t boundary_ns_ = kNever;
  int64_t start_ns_ = 0;
  int64_t window_ns_ = 0;      // start of the counters: the run's, then the measured time's
  int64_t window_cpu_ns_ = 0;  // CPU time at that moment
  int64_t next_report_ns_ = 0;
  int64_t counted_from_ns_ = std::numeric_limits<int64_t>::min();
  int64_t counted_until_ns_ = kNever;

  Counters counters_;
  Counters at_end_;  // of the measured time
  WorkerReport report_;
  TcpInfoSampler sampler_;
  Exemplars exemplars_;
  Mailbox mailbox_;
  std::thread thread_;
};

}  // namespace tcpfleet::agent
