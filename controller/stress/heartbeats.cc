#include "controller/stress/heartbeats.h"

namespace tcpfleet::controller {

Heartbeats::Heartbeats(base::Clock& clock)
    : clock_(clock), thread_([this](const std::stop_token& stop) { Loop(stop); }) {}

void Heartbeats::Add(RunCall* call) {
  base::MutexLock lock(mutex_);
  calls_.push_back(call);
}

void Heartbeats::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Heartbeats::Loop(const std::stop_token& stop) {
  int64_t next_ns = clock_.MonotonicNs() + kHeartbeatPeriodNs;
  while (clock_.SleepUntil(next_ns, stop)) {
    std::vector<RunCall*> calls;
    {
      base::MutexLock lock(mutex_);
      calls = calls_;
    }
    for (RunCall* const call : calls) {
      v1::RunRequest request;
      request.mutable_heartbeat();
      call->Send(std::move(request));
    }
    next_ns += kHeartbeatPeriodNs;
  }
}

}  // namespace tcpfleet::controller
