// What a run says of itself while it goes on and at its end.
#include <utility>

#include "agent/load/run_supervisor.h"
#include "common/base/clock.h"

namespace tcpfleet::agent {
namespace {

constexpr int kMostLastFrames = 4;

std::string DetailOf(v1::Finished::Cause cause) {
  switch (cause) {
    case v1::Finished::CAUSE_DONE:
      return "the run came to its end";
    case v1::Finished::CAUSE_STOPPED:
      return "stopped by the controller";
    case v1::Finished::CAUSE_LEASE_EXPIRED:
      return "no heartbeat from the controller within the lease";
    case v1::Finished::CAUSE_DISCONNECTED:
      return "the connection to the controller broke";
    case v1::Finished::CAUSE_AGENT_STOPPING:
      return "the agent is stopping";
    case v1::Finished::CAUSE_LATE_START:
      return "the start time had passed when it arrived";
    default:
      return "";
  }
}

}  // namespace

void RunSupervisor::SendStarted() {
  started_sent_ = true;
  v1::RunResponse event;
  v1::Started& started = *event.mutable_started();
  if (plan_->is_client) started.set_first_connect_monotonic_ns(control_.first_connect_ns());
  if (auto options = control_.first_options()) {
    *started.mutable_socket_options() = *std::move(options);
  }
  sink_.Send(std::move(event));
}

// A controller that reads slowly gets fewer, larger intervals.
void RunSupervisor::SendInterval(int64_t now_ns) {
  if (!sink_.Ready() || !merger_->IsConsistent() || merger_->AllFinal()) return;
  if (plan_->spec.tcp_info_connections() > 0) SendFrame(now_ns);
  SendProgress();
}

void RunSupervisor::SendProgress(bool is_last) {
  v1::RunResponse event;
  v1::Progress& progress = *event.mutable_progress();
  progress = merger_->TakeProgress();
  if (is_last) {
    merger_->AddExemplars(plan_->spec.exemplars(), progress);
    // A run that was cut short has been measured until now.
    if (counters_before_ && !counters_after_) ReadKernelCounters(measure_end_ns());
    if (counters_before_ && counters_before_->read_at_ns != 0 && counters_after_->read_at_ns != 0) {
      *progress.mutable_kernel_counters() = ChangesBetween(*counters_before_, *counters_after_);
    }
  }
  sink_.Send(std::move(event));
}

void RunSupervisor::SendLastFrames() {
  for (int frames = 0; frames < kMostLastFrames; ++frames) {
    SendFrame(base::MonotonicNowNs());
    if (!merger_->NeedsAnotherFrame()) return;
  }
}

void RunSupervisor::SendFrame(int64_t now_ns) {
  v1::RunResponse event;
  *event.mutable_connections() = merger_->TakeFrame(now_ns);
  sink_.Send(std::move(event));
}

void RunSupervisor::SendEnd() {
  if (merger_) {
    if (plan_->spec.tcp_info_connections() > 0 && sink_.Ready()) SendLastFrames();
    SendProgress(/*is_last=*/true);
  }
  v1::Finished::Cause cause = control_.cause();
  if (cause == v1::Finished::CAUSE_UNSPECIFIED) cause = v1::Finished::CAUSE_DONE;
  v1::RunResponse event;
  event.mutable_finished()->set_cause(cause);
  event.mutable_finished()->set_detail(cause == v1::Finished::CAUSE_HOST_LIMIT ? limit_reached_
                                                                               : DetailOf(cause));
  sink_.Send(std::move(event));
}

}  // namespace tcpfleet::agent
