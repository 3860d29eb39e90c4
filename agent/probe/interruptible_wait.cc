#include "agent/probe/interruptible_wait.h"

#include <algorithm>
#include <array>

#include "common/base/clock.h"
#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

constexpr uint64_t kInterruption = 0;
constexpr uint64_t kSocket = 1;

}  // namespace

absl::StatusOr<std::unique_ptr<InterruptibleWait>> InterruptibleWait::Create() {
  TF_ASSIGN_OR_RETURN(sys::Epoll epoll, sys::Epoll::Create());
  TF_ASSIGN_OR_RETURN(sys::EventFd interruption, sys::EventFd::Create());
  TF_RETURN_IF_ERROR(epoll.Add(interruption.fd(), EPOLLIN, kInterruption));
  return std::unique_ptr<InterruptibleWait>(
      new InterruptibleWait(std::move(epoll), std::move(interruption)));
}

void InterruptibleWait::Interrupt() {
  interrupted_ = true;
  interruption_.Notify();
}

absl::StatusOr<uint32_t> InterruptibleWait::ForSocket(int fd, uint32_t events,
                                                      int64_t deadline_ns) {
  TF_RETURN_IF_ERROR(epoll_.Add(fd, events, kSocket));
  const uint32_t came = Wait(deadline_ns);
  epoll_.Remove(fd);
  return came;
}

bool InterruptibleWait::Until(int64_t deadline_ns) {
  Wait(deadline_ns);
  return !interrupted();
}

uint32_t InterruptibleWait::Wait(int64_t deadline_ns) {
  while (!interrupted()) {
    const int64_t left_ns = std::max<int64_t>(0, deadline_ns - base::MonotonicNowNs());
    std::array<epoll_event, 2> events;
    for (const epoll_event& event : epoll_.Wait(absl::MakeSpan(events), left_ns)) {
      if (event.data.u64 == kSocket) return event.events;
    }
    if (left_ns == 0) return 0;
  }
  return 0;
}

}  // namespace tcpfleet::agent
