#include "common/sys/epoll.h"

#include <algorithm>
#include <cerrno>

#include "common/sys/errno_name.h"

namespace tcpfleet::sys {
namespace {

absl::Status Control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  if (::epoll_ctl(epoll, operation, fd, &event) != 0) return ErrnoStatus("epoll_ctl");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Epoll> Epoll::Create() {
  UniqueFd fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus("epoll_create1");
  return Epoll(std::move(fd));
}

absl::Status Epoll::Add(int fd, uint32_t events, uint64_t token) {
  return Control(fd_.get(), EPOLL_CTL_ADD, fd, events, token);
}

absl::Status Epoll::Modify(int fd, uint32_t events, uint64_t token) {
  return Control(fd_.get(), EPOLL_CTL_MOD, fd, events, token);
}

void Epoll::Remove(int fd) { ::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr); }

absl::Span<epoll_event> Epoll::Wait(absl::Span<epoll_event> events, int64_t timeout_ns) {
  const int capacity = static_cast<int>(events.size());
  int ready = -1;
  if (has_nanosecond_wait_) {
    const timespec timeout{.tv_sec = timeout_ns / 1'000'000'000,
                           .tv_nsec = timeout_ns % 1'000'000'000};
    ready = ::epoll_pwait2(fd_.get(), events.data(), capacity, timeout_ns < 0 ? nullptr : &timeout,
                           nullptr);
    if (ready < 0 && errno == ENOSYS) has_nanosecond_wait_ = false;
  }
  if (!has_nanosecond_wait_) {
    constexpr int64_t kLongestMs = 1'000'000'000;
    const int64_t timeout_ms =
        timeout_ns < 0 ? -1 : std::min(kLongestMs, (timeout_ns + 999'999) / 1'000'000);
    ready = ::epoll_wait(fd_.get(), events.data(), capacity, static_cast<int>(timeout_ms));
  }
  return events.subspan(0, ready > 0 ? static_cast<size_t>(ready) : 0);
}

}  // namespace tcpfleet::sys
