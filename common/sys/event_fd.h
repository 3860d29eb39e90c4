#pragma once

#include <absl/status/statusor.h>

#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

// Wakes a thread that sleeps in epoll or poll. Notify may be called from any thread.
class EventFd {
 public:
  static absl::StatusOr<EventFd> Create();
  int fd() const { return fd_.get(); }
  void Notify();
  // Makes the descriptor quiet again.
  void Drain();

 private:
  explicit EventFd(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace tcpfleet::sys
