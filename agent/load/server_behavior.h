// How our server treats its connections: what the workload and the close mode ask for, and the
// misbehaviour a v1::ServerBehavior orders.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <vector>

#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

// InvalidArgument names the field that is out of range or contradicts another one.
absl::Status CheckServerBehavior(const v1::StressSpec& spec);

struct ServerBehavior {
  explicit ServerBehavior(const v1::StressSpec& spec);
  // What has to be set before the first connection comes.
  absl::Status ApplyTo(int listener) const;

  bool answers = false;  // crr, rr: response_bytes to every request_bytes
  bool echoes = false;   // hold with heartbeats: as many bytes as came
  bool receives = true;
  bool streams = false;            // stream: receives without looking
  bool sends_without_end = false;  // stream
  bool never_closes = false;
  // Sends its FIN right after the accept, or after the answer; else the client closes first.
  bool closes_at_once = false;
  bool closes_after_answer = false;
  uint32_t reset_after_requests = 0;  // instead of the answer to the last one; 0: never
  int64_t accept_delay_ns = 0;
  int64_t reply_delay_ns = 0;
  std::vector<int64_t> reset_at_ns;  // since the start, ascending
};

// Replies that wait for their time, all for equally long.
//
// Bounds: who queues keeps to kMostPerConnection for each connection; replies whose connection has
//         gone are at most about as many as the others.
class DelayedReplies {
 public:
  static constexpr uint8_t kMostPerConnection = 64;

  struct Reply {
    int64_t due_ns;
    uint32_t connection;
    uint32_t generation;  // of the connection
    uint64_t bytes;
  };

  void Push(const Reply& reply) { replies_.push_back(reply); }
  int64_t next_ns() const {
    return replies_.empty() ? std::numeric_limits<int64_t>::max() : replies_.front().due_ns;
  }
  Reply Pop() {
    const Reply reply = replies_.front();
    replies_.pop_front();
    return reply;
  }
  // So many replies have lost their connection; `is_lost` tells which ones.
  template <class IsLost>
  void Lose(size_t count, IsLost is_lost) {
    constexpr size_t kFew = 1'024;
    lost_ += count;
    if (lost_ < kFew + replies_.size() / 2) return;
    std::erase_if(replies_, is_lost);
    lost_ = 0;
  }

 private:
  std::deque<Reply> replies_;
  size_t lost_ = 0;  // about so many of them
};

}  // namespace tcpfleet::agent
