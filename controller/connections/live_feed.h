// The fleet's agents as they talk: every agent's SocketService.Watch, one entry after the other.
//
// An agent that answers is greeted (AgentUp), then its frames follow. When its stream breaks, falls
// silent, or brings more than is taken, that is said (`down`, once per cause), and it is called
// again; it then begins anew with AgentUp and a keyframe. Agents none of whose connections can
// match the filter are not called and have no number.
//
// Owns:    the calls; the fleet must outlive it. The destructor cancels the calls and waits for
//          greetings under way, at most fleet.timeout().
// Threads: Next() from one thread; nothing happens while nobody is in it but that frames arrive.
// Bounds:  fleet.parallel() agents called at once that have not answered yet; frames that wait as
//          WatchInbox bounds them; the wait between two calls doubles up to 10 s, with jitter.
#pragma once

#include <absl/time/time.h>

#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <vector>

#include "common/base/clock.h"
#include "common/filter/filter.h"
#include "controller/connections/feed.h"
#include "controller/connections/watch_inbox.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/fleet.h"

namespace tcpfleet::controller {

struct WatchOptions {
  filter::Filter filter;
  absl::Duration interval = absl::Seconds(1);
  bool processes = false;
  bool all_namespaces = false;
  absl::Duration first_retry = absl::Milliseconds(500);
};

class LiveFeed final : public Feed {
 public:
  LiveFeed(Fleet& fleet, base::Clock& clock, WatchOptions options);
  ~LiveFeed() override;

  std::optional<v1::RecordingEntry> Next(absl::Duration wait, const std::stop_token& stop) override;
  bool ended() const override { return false; }
  // Agents that are called; numbered below this.
  size_t agents() const { return streams_.size(); }

 private:
  enum class Phase : uint8_t {
    kWaiting,   // to be called when due
    kCalled,    // not a frame yet
    kGreeting,  // its first frame is there
    kStreaming,
  };
  struct Stream {
    const FleetMember* member;
    v1::WatchRequest request;
    Phase phase = Phase::kWaiting;
    uint32_t attempt = 0;
    std::unique_ptr<StreamCall> call;
    int64_t due_ns = 0;  // kWaiting
    int64_t called_ns = 0;
    int64_t heard_ns = 0;                 // silence counts from here
    int failures = 0;                     // in a row
    std::string told_cause;               // of the last `down`
    std::vector<WatchInbox::Event> held;  // frames that came before the greeting was over
    size_t held_bytes = 0;
  };

  void Attend(int64_t now_ns);
  void AttendTo(uint32_t agent, int64_t now_ns, bool is_patient);
  void Call(uint32_t agent, int64_t now_ns);
  void Greet(uint32_t agent);
  void Handle(WatchInbox::Event event);
  void HandleFrame(WatchInbox::Event event);
  void HandleHello(const WatchInbox::Event& event, const Hello& hello);
  void End(uint32_t agent, const absl::Status& status);
  void EndSlow(uint32_t agent, uint64_t dropped_frames);
  void HangUp(uint32_t agent);
  v1::RecordingEntry& Emit(uint32_t agent, int64_t unix_ns);
  int64_t UnixNowNs() const { return absl::ToUnixNanos(clock_.Now()); }

  Fleet& fleet_;
  base::Clock& clock_;
  const WatchOptions options_;
  std::vector<Stream> streams_;
  std::shared_ptr<WatchInbox> inbox_;
  struct Greetings;
  std::shared_ptr<Greetings> greetings_;  // under way
  std::deque<v1::RecordingEntry> ready_;
  int unanswered_ = 0;  // agents in kCalled
  int64_t attend_ns_ = 0;
  int64_t last_unix_ns_ = 0;  // entries do not go back in time
  std::minstd_rand jitter_;
};

}  // namespace tcpfleet::controller
