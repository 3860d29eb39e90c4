// A coordinated run: prepare the servers, then the clients, start all at one moment, merge what
// they report, stop.
//
// Threads: Run() on one thread; the agents' streams only put events into the inbox. One more
//          thread sends the heartbeats.
// Errors:  none of its own: trouble with an agent is in its Participant, the others go on.
// Bounds:  every wait has a deadline: a run ends kFinishGraceNs after its planned end, servers the
//          same time later.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/queue.h"
#include "controller/fleet/agent_client.h"
#include "controller/stress/heartbeats.h"
#include "controller/stress/participant.h"
#include "controller/stress/plan.h"
#include "controller/stress/threshold.h"

namespace tcpfleet::controller {

inline constexpr int64_t kPrepareDeadlineNs = 10'000'000'000;
inline constexpr int64_t kFinishGraceNs = 3'000'000'000;
inline constexpr int64_t kInterruptGraceNs = 2'000'000'000;
inline constexpr int64_t kLeastStartLeadNs = 200'000'000;
inline constexpr int64_t kLeastSilenceNs = 3'000'000'000;

// An agent that answered, with its role.
struct RunSeat {
  AgentTarget target;
  AgentClient* client = nullptr;
  v1::DescribeResponse host;
  ClockOffset clock;
  size_t share = 0;          // client: which of the shares is its own
  std::string data_address;  // server: where the clients reach it
  v1::StressSpec spec;       // server
};

struct RunInput {
  v1::StressSpec spec;  // fleet totals
  size_t shares = 0;    // clients the totals are split over, those that do not answer too
  std::vector<std::vector<Link>> links;  // as Roles::links
  std::vector<RunSeat> servers;
  std::vector<RunSeat> clients;
  bool force = false;               // start although pre-flight checks say that it will break
  std::vector<Threshold> abort_on;  // stop as soon as one of these is broken
};

// What arrived from a seat's stream; monostate only wakes the reader.
struct RunEvent {
  size_t seat = 0;
  std::variant<std::monostate, v1::RunResponse, absl::Status> what;
};

// Where streams leave their events. A test replaces it to own the time.
class RunInbox {
 public:
  virtual ~RunInbox() = default;
  // From any thread. False when it is full.
  virtual bool Push(RunEvent event) = 0;
  // Nothing when the clock reaches `deadline_ns` first.
  virtual std::optional<RunEvent> PopUntil(int64_t deadline_ns) = 0;
};

class QueueInbox final : public RunInbox {
 public:
  bool Push(RunEvent event) override { return queue_.Push(std::move(event)); }
  std::optional<RunEvent> PopUntil(int64_t deadline_ns) override {
    return queue_.PopUntil(deadline_ns);
  }

 private:
  base::Queue<RunEvent> queue_{65'536};
};

enum class RunEnd {
  kCompleted,      // started, and every client has ended
  kInterrupted,    // the user asked
  kNoClient,       // not started: no client was ready
  kServerMissing,  // not started: a server was not ready
  kBlocked,        // not started: a pre-flight check says that it would break
  kAborted,        // a threshold is broken, or no server is left
};

// A run under way or over. Valid only during the call that hands it out.
struct RunView {
  const std::vector<const Participant*>& participants;  // servers first
  const RunHistograms& interval;                        // of all clients since the last view
  uint64_t peak_active = 0;                             // most connections of all clients at once
  int64_t elapsed_ns = 0;                               // since the planned start; negative before
  int64_t planned_ns = 0;                               // warm-up, duration and cool-down
  v1::StressSpec::Workload workload = v1::StressSpec::WORKLOAD_UNSPECIFIED;
};

class RunObserver {
 public:
  virtual ~RunObserver() = default;
  // Once per interval from the start on, on the thread of Run().
  virtual void OnInterval(const RunView& view) = 0;
};

struct RunOutcome {
  RunEnd end = RunEnd::kCompleted;
  std::vector<Participant> participants;  // servers first; the outcome is theirs
  std::optional<int64_t> start_ns;        // planned start in the controller's clock
  absl::Time start_time = absl::InfinitePast();
  int64_t elapsed_ns = 0;  // from the planned start to the end, at least 0
  uint64_t peak_active = 0;
  std::vector<v1::ThresholdResult> aborted_by;  // broken then
};

class StressRun {
 public:
  // All arguments outlive the run; `observer` may be null.
  StressRun(RunInput input, base::Clock& clock, RunInbox& inbox, RunObserver* observer);

  // Once.
  RunOutcome Run(const std::stop_token& interrupt);

 private:
  struct Seat {
    Participant participant;
    AgentClient* client;
    // A message of this seat did not fit into the inbox: its numbers are no longer whole.
    std::shared_ptr<std::atomic<bool>> overflowed;
    std::unique_ptr<RunCall> call;
  };
  enum class Waited { kReached, kDeadline, kInterrupted, kAborted };
  using Goal = bool (Participant::*)() const;

  RunEnd RunPhases(const std::stop_token& interrupt);
  void AddSeat(RunSeat& seat, v1::StressSpec::Role role);
  void Prepare(Seat& seat, const v1::StressSpec& spec);
  void PrepareClients();
  bool IsBlocked() const;
  void StartAll();
  void StopAll(size_t first, size_t end);
  void StopEarly();
  // Handles events until every participant of the range has reached the goal.
  Waited Await(size_t first, size_t end, Goal goal, int64_t deadline_ns,
               const std::stop_token& interrupt);
  size_t CountMissing(size_t first, size_t end, Goal goal) const;
  // Fails the seats of the range that have not reached the goal.
  void FailMissing(size_t first, size_t end, Goal goal, absl::string_view kind,
                   absl::string_view cause);
  // True when the event brought a seat of the range to the goal.
  bool HandleTowards(const RunEvent& event, size_t first, size_t end, Goal goal);
  void HandleEvent(const RunEvent& event);
  void HandleClientProgress(const v1::Progress& progress, uint64_t active_before,
                            uint64_t active_after);
  void EndBrokenSeats();
  // True when a threshold is broken that the run is to be ended for.
  bool EndsByThreshold(const std::vector<const Participant*>& participants);
  // Clients go on, and have nobody to go to. True once.
  bool HasLostItsServers();
  // Once per interval; true when the run has to end.
  bool CloseInterval();
  RunOutcome TakeOutcome(RunEnd end);

  RunInput input_;
  base::Clock& clock_;
  RunInbox& inbox_;
  RunObserver* const observer_;
  const int64_t interval_ns_;
  const int64_t planned_ns_;
  std::vector<Seat> seats_;  // servers first
  std::optional<int64_t> start_ns_;
  absl::Time start_time_;
  int64_t next_check_ns_ = 0;
  int64_t resumed_ns_ = 0;  // when this process last found that it had been paused
  int64_t next_view_ns_ = 0;
  RunHistograms interval_;
  uint64_t active_ = 0;  // of all clients, by their latest reports
  uint64_t peak_active_ = 0;
  std::vector<v1::ThresholdResult> broken_;  // of input_.abort_on
  bool has_lost_servers_ = false;
  const std::string run_token_;
  Heartbeats heartbeats_;  // last: its thread uses the calls in seats_
};

}  // namespace tcpfleet::controller
