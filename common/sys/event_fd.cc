#include "common/sys/event_fd.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>

#include "common/sys/errno_name.h"
#include "common/sys/retry.h"

namespace tcpfleet::sys {

absl::StatusOr<EventFd> EventFd::Create() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.valid()) return ErrnoStatus("eventfd");
  return EventFd(std::move(fd));
}

void EventFd::Notify() {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then the descriptor is readable already.
  [[maybe_unused]] const ssize_t put =
      RetryEintr([&] { return ::write(fd_.get(), &one, sizeof(one)); });
}

void EventFd::Drain() {
  uint64_t count = 0;
  // Fails only when there is nothing to drain.
  [[maybe_unused]] const ssize_t got =
      RetryEintr([&] { return ::read(fd_.get(), &count, sizeof(count)); });
}

}  // namespace tcpfleet::sys
