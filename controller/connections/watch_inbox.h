// What the streams of watched agents brought and nobody has taken yet.
//
// Threads: all functions from any thread; none blocks but WaitUntil.
// Bounds:  kMostWaitingBytes of frames of one agent, kMostWaitingBytesInAll of all; one frame of
//          each is taken anyway. When an agent exceeds them, all its waiting frames are dropped,
//          and nothing more is taken until it Starts again.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <variant>
#include <vector>

#include "common/base/mutex.h"
#include "controller/fleet/hello.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::controller {

class WatchInbox {
 public:
  static constexpr size_t kMostWaitingBytes = size_t{16} << 20;
  static constexpr size_t kMostWaitingBytesInAll = size_t{256} << 20;

  struct Overflow {
    uint64_t dropped_frames = 0;
  };
  struct Event {
    uint32_t agent = 0;
    uint32_t attempt = 0;  // of Start
    int64_t unix_ns = 0;   // arrival
    // A frame, who the agent is, too much, or the stream's end.
    std::variant<v1::ConnectionFrame, std::shared_ptr<Hello>, Overflow, absl::Status> what;
    size_t bytes = 0;  // set by Push
  };

  explicit WatchInbox(size_t agents) : agents_(agents) {}

  // Whatever earlier attempts bring is ignored from now on.
  void Start(uint32_t agent, uint32_t attempt);
  void Push(Event event);

  std::optional<Event> Pop();
  // Returns when there is an event, `stop` was requested, or CLOCK_MONOTONIC reaches `deadline_ns`.
  void WaitUntil(int64_t deadline_ns, const std::stop_token& stop);
  // CLOCK_MONOTONIC of the agent's last frame, or of its start.
  int64_t LastHeardNs(uint32_t agent) const;

 private:
  struct Agent {
    uint32_t attempt = 0;
    bool is_full = false;
    size_t waiting_bytes = 0;
    int64_t last_heard_ns = 0;
  };
  void DropFramesOf(Event& frame) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable base::Mutex mutex_;
  base::CondVar changed_;
  std::vector<Agent> agents_ ABSL_GUARDED_BY(mutex_);
  std::deque<Event> events_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace tcpfleet::controller
