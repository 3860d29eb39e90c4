#include "controller/connections/watch_inbox.h"

#include <utility>

#include "common/base/clock.h"

namespace tcpfleet::controller {
void WatchInbox::Start(uint32_t agent, uint32_t attempt) {
  base::MutexLock lock(mutex_);
  agents_[agent].attempt = attempt;
  agents_[agent].is_full = false;
  agents_[agent].last_heard_ns = base::MonotonicNowNs();
}

void WatchInbox::Push(Event event) {
  const auto* frame = std::get_if<v1::ConnectionFrame>(&event.what);
  const size_t bytes = frame == nullptr ? 0 : frame->SpaceUsedLong();
  {
    base::MutexLock lock(mutex_);
    Agent& agent = agents_[event.agent];
    if (event.attempt != agent.attempt) return;
    if (bytes > 0) {
      agent.last_heard_ns = base::MonotonicNowNs();
      if (agent.is_full) return;
      const bool has_room = agent.waiting_bytes + bytes <= kMostWaitingBytes &&
                            waiting_bytes_ + bytes <= kMostWaitingBytesInAll;
      if (agent.waiting_bytes > 0 && !has_room) {
        DropFramesOf(event);
      } else {
        event.bytes = bytes;
        agent.waiting_bytes += bytes;
        waiting_bytes_ += bytes;
      }
    }
    events_.push_back(std::move(event));
  }
  changed_.NotifyAll();
}

// Turns the frame that was too much into the word of it.
void WatchInbox::DropFramesOf(Event& frame) {
  Agent& agent = agents_[frame.agent];
  const size_t dropped = std::erase_if(events_, [&](const Event& event) {
    return event.agent == frame.agent && std::holds_alternative<v1::ConnectionFrame>(event.what);
  });
  waiting_bytes_ -= agent.waiting_bytes;
  agent.waiting_bytes = 0;
  agent.is_full = true;
  frame.what = Overflow{dropped + 1};
}

std::optional<WatchInbox::Event> WatchInbox::Pop() {
  base::MutexLock lock(mutex_);
  while (!events_.empty()) {
    Event event = std::move(events_.front());
    events_.pop_front();
    agents_[event.agent].waiting_bytes -= event.bytes;
    waiting_bytes_ -= event.bytes;
    if (event.attempt == agents_[event.agent].attempt) return event;
  }
  return std::nullopt;
}

void WatchInbox::WaitUntil(int64_t deadline_ns, const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] {
    { const base::MutexLock lock(mutex_); }  // the waiter is before its check, or waits
    changed_.NotifyAll();
  });
  base::MutexLock lock(mutex_);
  bool in_time = true;
  while (events_.empty() && !stop.stop_requested() && in_time) {
    in_time = changed_.WaitUntil(mutex_, deadline_ns);
  }
}

int64_t WatchInbox::LastHeardNs(uint32_t agent) const {
  base::MutexLock lock(mutex_);
  return agents_[agent].last_heard_ns;
}

}  // namespace tcpfleet::controller
