// SIGINT and SIGTERM as something loops can poll and calls can be cancelled by.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <stop_token>
#include <thread>

#include "common/sys/epoll.h"
#include "common/sys/event_fd.h"
#include "common/sys/signals.h"

namespace tcpfleet::controller {

// Threads: all functions from any thread.
class Interrupt {
 public:
  bool requested() const { return source_.stop_requested(); }
  // For std::stop_callback (it runs on the signal thread and must not block) and
  // base::Clock::SleepUntil.
  std::stop_token token() const { return source_.get_token(); }
  void Request() { source_.request_stop(); }

 private:
  std::stop_source source_;
};

// The thread that turns the first SIGINT or SIGTERM into Interrupt::Request(); the second one ends
// the process at once with 128 + the signal. Needs sys::BlockTerminationSignals() before any thread
// was started.
class SignalWatcher {
 public:
  static absl::StatusOr<std::unique_ptr<SignalWatcher>> Start(Interrupt& interrupt);
  ~SignalWatcher();

 private:
  SignalWatcher(Interrupt& interrupt, sys::TerminationSignals signals, sys::EventFd wake,
                sys::Epoll epoll);
  void Loop(const std::stop_token& stop);

  Interrupt& interrupt_;
  sys::TerminationSignals signals_;
  sys::EventFd wake_;
  sys::Epoll epoll_;
  std::jthread thread_;
};

}  // namespace tcpfleet::controller
