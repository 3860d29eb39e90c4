#include "controller/cli/interrupt.h"

#include <array>
#include <cstdlib>
#include <utility>

#include "common/base/status_macros.h"
#include "common/sys/epoll.h"

namespace tcpfleet::controller {
namespace {

enum Token : uint64_t { kSignal, kWake };

}  // namespace

absl::StatusOr<std::unique_ptr<SignalWatcher>> SignalWatcher::Start(Interrupt& interrupt) {
  TF_ASSIGN_OR_RETURN(sys::TerminationSignals signals, sys::TerminationSignals::Create());
  TF_ASSIGN_OR_RETURN(sys::EventFd wake, sys::EventFd::Create());
  TF_ASSIGN_OR_RETURN(sys::Epoll epoll, sys::Epoll::Create());
  TF_RETURN_IF_ERROR(epoll.Add(signals.fd(), EPOLLIN, kSignal));
  TF_RETURN_IF_ERROR(epoll.Add(wake.fd(), EPOLLIN, kWake));
  return std::unique_ptr<SignalWatcher>(
      new SignalWatcher(interrupt, std::move(signals), std::move(wake), std::move(epoll)));
}

SignalWatcher::SignalWatcher(Interrupt& interrupt, sys::TerminationSignals signals,
                             sys::EventFd wake, sys::Epoll epoll)
    : interrupt_(interrupt),
      signals_(std::move(signals)),
      wake_(std::move(wake)),
      epoll_(std::move(epoll)),
      thread_([this](const std::stop_token& stop) { Loop(stop); }) {}

SignalWatcher::~SignalWatcher() {
  thread_.request_stop();
  wake_.Notify();
}

void SignalWatcher::Loop(const std::stop_token& stop) {
  std::array<epoll_event, 2> events;
  while (!stop.stop_requested()) {
    for (const epoll_event& event : epoll_.Wait(absl::MakeSpan(events), -1)) {
      if (event.data.u64 != kSignal) continue;
      const int signal = signals_.Take();
      if (signal == 0) continue;
      if (interrupt_.requested()) std::_Exit(128 + signal);
      interrupt_.Request();
    }
  }
}

}  // namespace tcpfleet::controller
