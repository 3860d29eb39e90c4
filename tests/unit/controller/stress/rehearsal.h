// A run of scripted agents in simulated time, from its input to its report.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/stress/plan.h"
#include "controller/stress/report.h"
#include "controller/stress/run.h"
#include "tests/unit/controller/stress/simulation.h"

namespace tcpfleet::tests {

class CountingObserver final : public controller::RunObserver {
 public:
  void OnInterval(const controller::RunView& view) override {
    elapsed_ns.push_back(view.elapsed_ns);
  }
  std::vector<int64_t> elapsed_ns;
};

// A run of scripted clients, and of servers when there are any, 1 s of warm-up and 4 s measured.
class Rehearsal {
 public:
  Rehearsal() {
    input_.spec.set_workload(v1::StressSpec::WORKLOAD_CRR);
    input_.spec.set_connections(10);
    input_.spec.set_warmup_ms(1'000);
    input_.spec.set_duration_ms(4'000);
    input_.spec.set_interval_ms(1'000);
    input_.spec.set_tcp_info_connections(1'000);
  }

  ScriptedAgent& AddClient(const std::string& name, Script script = {}) {
    controller::RunSeat& seat = AddSeat(input_.clients, name, script);
    seat.share = input_.shares++;
    return *agents_.back();
  }
  ScriptedAgent& AddServer(const std::string& name, Script script = {}) {
    controller::RunSeat& seat = AddSeat(input_.servers, name, script);
    seat.data_address = "198.18.0.9";
    seat.spec = input_.spec;
    seat.spec.set_role(v1::StressSpec::ROLE_SERVER);
    seat.spec.set_duration_ms(9'000);
    return *agents_.back();
  }

  const v1::StressReport& Run(bool add_target = true) {
    if (input_.servers.empty() && add_target) input_.spec.add_targets()->set_host("198.18.0.9");
    controller::StressOptions options;
    options.spec = input_.spec;
    controller::StressRun run(input_, clock_, inbox_, &observer_);
    const controller::RunOutcome outcome = run.Run(interrupt_.get_token());
    end_ = outcome.end;
    report_ = controller::BuildReport(options, outcome, {});
    exit_code_ = controller::JudgeRun(outcome, report_).exit_code;
    return report_;
  }

  // From the beginning, not from the start of the load.
  void InterruptAfter(int64_t delay_ns) {
    inbox_.After(delay_ns, [this] { interrupt_.request_stop(); });
  }
  void FillInboxAfter(int64_t delay_ns) {
    inbox_.After(delay_ns, [this] { inbox_.full = true; });
    inbox_.After(delay_ns + 100 * kMs, [this] { inbox_.full = false; });
  }

  // As when this process is stopped and goes on later. What agents said meanwhile arrives `lag_ns`
  // after that.
  void PauseAfter(int64_t delay_ns, int64_t length_ns, int64_t lag_ns = 0) {
    inbox_.After(delay_ns, [this, length_ns, lag_ns] {
      clock_.AdvanceTo(clock_.MonotonicNs() + length_ns);
      inbox_.HoldBackUntil(clock_.MonotonicNs() + lag_ns);
    });
  }

  v1::StressSpec& spec() { return input_.spec; }
  controller::RunInput& input() { return input_; }
  controller::ClockOffset& LastClientClock() { return input_.clients.back().clock; }
  controller::ExitCode exit_code() const { return exit_code_; }
  const CountingObserver& observer() const { return observer_; }
  int64_t now_ns() const { return clock_.MonotonicNs(); }
  controller::RunEnd end() const { return end_; }

 private:
  controller::RunSeat& AddSeat(std::vector<controller::RunSeat>& seats, const std::string& name,
                               const Script& script) {
    agents_.push_back(std::make_unique<ScriptedAgent>(inbox_, script));
    controller::RunSeat& seat = seats.emplace_back();
    seat.target.name = name;
    seat.target.address = name + ":7117";
    seat.client = agents_.back().get();
    seat.clock.offset_ns = script.clock_offset_ns;
    seat.clock.uncertainty_ns = 20'000;
    seat.clock.largest_round_trip_ns = 100'000;
    return seat;
  }

  controller::RunInput input_;
  SimulatedClock clock_;
  SimulatedInbox inbox_{clock_};
  std::vector<std::unique_ptr<ScriptedAgent>> agents_;
  CountingObserver observer_;
  controller::RunEnd end_ = controller::RunEnd::kCompleted;
  std::stop_source interrupt_;
  v1::StressReport report_;
  controller::ExitCode exit_code_ = controller::kOk;
};

inline void ExpectFailure(const v1::StressReport& report, const std::string& name,
                          const std::string& kind, const std::string& cause) {
  ASSERT_EQ(report.failures_size(), 1) << report.DebugString();
  EXPECT_EQ(report.failures(0).name(), name);
  EXPECT_EQ(report.failures(0).address(), name + ":7117");
  EXPECT_EQ(report.failures(0).kind(), kind);
  EXPECT_THAT(report.failures(0).cause(), ::testing::HasSubstr(cause));
}

}  // namespace tcpfleet::tests
