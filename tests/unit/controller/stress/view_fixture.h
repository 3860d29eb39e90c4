#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/stats/histogram_proto.h"
#include "controller/stress/run.h"

namespace tcpfleet::tests {

// Participants in the middle of a run, and the view of them.
class ViewFixture {
 public:
  controller::Participant& Add(const std::string& name,
                               v1::StressSpec::Role role = v1::StressSpec::ROLE_CLIENT) {
    controller::AgentTarget target;
    target.name = name;
    target.address = name + ":7117";
    owned_.push_back(std::make_unique<controller::Participant>(target, v1::DescribeResponse(),
                                                               controller::ClockOffset(), role));
    participants_.push_back(owned_.back().get());
    controller::Participant& participant = *owned_.back();
    participant.Prepare(0);
    v1::RunResponse prepared;
    prepared.mutable_prepared()->set_listen_port(1);
    participant.Handle(prepared, 1);
    participant.Start(100, 2);
    return participant;
  }

  void Report(controller::Participant& participant, uint64_t succeeded, uint64_t latency_ns,
              bool measured = true, uint64_t lateness_ns = 0) {
    v1::RunResponse response;
    v1::Progress& progress = *response.mutable_progress();
    progress.set_measured(measured);
    progress.set_monotonic_ns(1);
    v1::RunCounters& counters = *progress.mutable_counters();
    counters.set_attempted(succeeded + 3);
    counters.set_succeeded(succeeded);
    (*counters.mutable_failed())["refused"] = 3;
    counters.set_active(32);
    counters.set_measured_seconds(2);
    progress.mutable_tcp_info()->set_connections_sampled(1);
    progress.mutable_tcp_info()->set_total_retransmits(4);
    stats::Histogram latency;
    latency.Record(latency_ns);
    *progress.mutable_connect_latency() = stats::ToDelta(latency);
    *progress.mutable_response_latency() = stats::ToDelta(latency);
    if (lateness_ns > 0) {
      stats::Histogram lateness;
      lateness.Record(lateness_ns);
      *progress.mutable_send_lateness() = stats::ToDelta(lateness);
    }
    participant.Handle(response, 3);
    interval_.Add(progress).IgnoreError();
  }

  controller::RunView view() {
    return {participants_, interval_, 64, 3'250'000'000, 11'000'000'000};
  }

 private:
  std::vector<std::unique_ptr<controller::Participant>> owned_;
  std::vector<const controller::Participant*> participants_;
  controller::RunHistograms interval_;
};

}  // namespace tcpfleet::tests
