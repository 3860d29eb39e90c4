// One agent in one role of a run, as the controller sees it: how far it has come, what it measured
// and what went wrong. Pure: it is told what arrived and when.
//
// Threads: not thread-safe; one owner.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/fleet/agent_target.h"
#include "controller/fleet/hello.h"
#include "controller/stress/measurement.h"
#include "tcpfleet/v1/host.pb.h"
#include "tcpfleet/v1/report.pb.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::controller {

class Participant {
 public:
  Participant(AgentTarget target, v1::DescribeResponse host, ClockOffset clock,
              v1::StressSpec::Role role)
      : target_(std::move(target)), host_(std::move(host)), clock_(clock), role_(role) {}

  // Of a client, before it is prepared: what it is asked to do, and the names of its targets when
  // it is asked for numbers of each.
  void Expect(const v1::StressSpec& spec, std::vector<std::string> path_names);
  void Prepare(int64_t now_ns) { Advance(Phase::kPreparing, now_ns); }
  // `start_ns` in the controller's clock. Answers with the moment in the agent's.
  v1::StartAt Start(int64_t start_ns, int64_t now_ns);
  void Stop() { stop_sent_ = true; }

  // What the agent sent, or how its stream ended. Trouble ends the participant and becomes
  // failure().
  void Handle(const v1::RunResponse& response, int64_t now_ns);
  void HandleEnd(const absl::Status& status);
  void Fail(absl::string_view kind, absl::string_view cause);

  // Silence is only expected before the start: true when the agent should have said something
  // since.
  bool IsSilent(int64_t now_ns, int64_t patience_ns) const;

  bool is_client() const { return role_ == v1::StressSpec::ROLE_CLIENT; }
  bool prepared() const { return phase_ == Phase::kPrepared; }
  bool settled() const { return phase_ >= Phase::kPrepared; }  // prepared or ended
  bool started() const { return start_ns_.has_value(); }
  bool ended() const { return phase_ == Phase::kEnded; }

  const AgentTarget& target() const { return target_; }
  const ClockOffset& clock() const { return clock_; }
  const Measurement& measurement() const { return measurement_; }
  const v1::Prepared& preparation() const { return preparation_; }
  // Absent while all is well.
  const std::optional<v1::AgentFailure>& failure() const { return failure_; }
  // With what the agent answered Prepare when it did not prepare; OK otherwise.
  const absl::Status& refusal() const { return refusal_; }
  // First connection attempt after the moment it was planned for, microseconds; absent for servers
  // and where that moment is at random.
  std::optional<double> first_syn_offset_us() const;

  // Everything there is to report about it.
  v1::RunResult Result() const;
  std::vector<v1::PathResult> Paths() const;
  std::vector<v1::SlowOperation> SlowOperations() const;

 private:
  enum class Phase { kIdle, kPreparing, kPrepared, kStarting, kArmed, kEnded };

  void Advance(Phase phase, int64_t now_ns) {
    phase_ = phase;
    last_heard_ns_ = now_ns;
  }
  void HandlePrepared(const v1::Prepared& prepared);
  void HandleArmed(const v1::Armed& armed);
  void HandleStarted(const v1::Started& started);
  void HandleFinished(const v1::Finished& finished);
  void Measured(const absl::Status& status) {
    if (!status.ok()) Fail("failed", status.message());
  }

  AgentTarget target_;
  v1::DescribeResponse host_;
  ClockOffset clock_;
  v1::StressSpec::Role role_;
  std::vector<std::string> path_names_;
  std::optional<int64_t> first_due_ns_ = 0;  // after the start
  Phase phase_ = Phase::kIdle;
  int64_t last_heard_ns_ = 0;
  std::optional<int64_t> start_ns_;
  bool stop_sent_ = false;
  v1::Prepared preparation_;
  std::optional<int64_t> first_connect_ns_;
  std::optional<v1::SocketOptions> socket_options_;
  Measurement measurement_;
  absl::Status refusal_;
  std::optional<v1::AgentFailure> failure_;
};

}  // namespace tcpfleet::controller
