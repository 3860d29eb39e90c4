#pragma once

#include <absl/status/statusor.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "common/sys/epoll.h"
#include "common/sys/event_fd.h"

namespace tcpfleet::agent {

// The waits of one probe, which another thread can end for good.
//
// Threads: Interrupt and interrupted from any thread, the rest from one.
class InterruptibleWait {
 public:
  static absl::StatusOr<std::unique_ptr<InterruptibleWait>> Create();

  void Interrupt();
  bool interrupted() const { return interrupted_.load(); }

  // The events of the socket that came, as epoll_ctl(2) names them; 0 when it was CLOCK_MONOTONIC
  // `deadline_ns` first, or interrupted.
  absl::StatusOr<uint32_t> ForSocket(int fd, uint32_t events, int64_t deadline_ns);
  // False when interrupted.
  bool Until(int64_t deadline_ns);

 private:
  InterruptibleWait(sys::Epoll epoll, sys::EventFd interruption)
      : epoll_(std::move(epoll)), interruption_(std::move(interruption)) {}
  uint32_t Wait(int64_t deadline_ns);

  sys::Epoll epoll_;
  sys::EventFd interruption_;
  std::atomic<bool> interrupted_ = false;
};

}  // namespace tcpfleet::agent
