// A fleet of scripted agents in simulated time: no threads wait, no time passes but the clock's
// own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controller/stress/run.h"
#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::tests {

inline constexpr int64_t kMs = 1'000'000;
inline constexpr int64_t kSecond = 1'000 * kMs;

// Advances in step with one thread that sleeps on it, the heartbeats': it has done its work of each
// moment before the next comes.
class SimulatedClock final : public base::Clock {
 public:
  int64_t MonotonicNs() const override { return now_ns_.load(); }
  absl::Time Now() const override {
    return absl::FromUnixSeconds(1'700'000'000) + absl::Nanoseconds(MonotonicNs());
  }
  bool SleepUntil(int64_t deadline_ns, std::stop_token stop) override;
  // Only while the thread runs.
  void AdvanceTo(int64_t now_ns);

 private:
  std::atomic<int64_t> now_ns_ = 50 * kSecond;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool sleeping_ = false;
  int64_t deadline_ns_ = 0;
};

// An inbox whose waiting is what makes time pass.
class SimulatedInbox final : public controller::RunInbox {
 public:
  explicit SimulatedInbox(SimulatedClock& clock) : clock_(clock) {}
  bool Push(controller::RunEvent event) override;
  std::optional<controller::RunEvent> PopUntil(int64_t deadline_ns) override;
  // Runs `action` when the clock gets there.
  void At(int64_t time_ns, std::function<void()> action) {
    actions_.emplace(time_ns, std::move(action));
  }
  void After(int64_t delay_ns, std::function<void()> action) {
    At(clock_.MonotonicNs() + delay_ns, std::move(action));
  }
  // What was to happen before `time_ns` happens then, in the same order.
  void HoldBackUntil(int64_t time_ns);
  SimulatedClock& clock() { return clock_; }
  // Messages that are refused from now on, as if the queue were full.
  bool full = false;

 private:
  SimulatedClock& clock_;
  std::multimap<int64_t, std::function<void()>> actions_;
  std::vector<controller::RunEvent> events_;
};

// What an agent does differently from a good one. Times are from the start of the run.
struct Script {
  absl::Status greeting;         // answer to Describe
  absl::Status refusal;          // answer to Prepare
  bool ignores_prepare = false;  // says nothing
  bool is_late = false;          // gets the start after its time
  int64_t clock_offset_ns = 0;   // its clock minus the controller's
  int64_t first_connect_ns = 2 * kMs;
  uint32_t listen_port = 40'001;
  std::optional<int64_t> dies_at_ns;      // the stream breaks
  std::optional<int64_t> silent_from_ns;  // the stream stays open
  std::optional<int64_t> leaves_at_ns;    // Finished: agent stopping
  std::optional<int64_t> sends_bad_frame_at_ns;
  std::optional<int64_t> sends_bad_delta_at_ns;
  bool never_finishes = false;  // goes on reporting after the planned end
  bool ignores_stop = false;
  uint64_t latency_ns = 100'000;  // of every operation
  uint64_t operations_per_second = 100;
  std::vector<std::string> blockers;  // of its pre-flight check
};

class ScriptedAgent final : public controller::FakeAgentClient {
 public:
  ScriptedAgent(SimulatedInbox& simulation, Script script)
      : simulation_(simulation), script_(std::move(script)) {
    describe = [this]() -> absl::StatusOr<v1::DescribeResponse> {
      if (script_.greeting.ok()) return v1::DescribeResponse();
      return script_.greeting;
    };
  }

  std::unique_ptr<controller::RunCall> Run(controller::OnMessage<v1::RunResponse> on_message,
                                           controller::OnDone on_done) override;

  // Of all runs, in order.
  std::vector<v1::StressSpec> prepared;
  std::vector<int64_t> starts_ns;  // in the controller's clock
  int stops = 0;
  int cancels = 0;
  std::atomic<int> heartbeats = 0;

 private:
  friend class ScriptedRun;
  SimulatedInbox& simulation_;
  const Script script_;
};

}  // namespace tcpfleet::tests
