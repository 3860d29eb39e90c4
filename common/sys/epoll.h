#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>
#include <sys/epoll.h>

#include <cstdint>

#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

// An epoll set. `token` comes back in epoll_event::data.u64.
class Epoll {
 public:
  static absl::StatusOr<Epoll> Create();

  absl::Status Add(int fd, uint32_t events, uint64_t token);
  absl::Status Modify(int fd, uint32_t events, uint64_t token);
  void Remove(int fd);

  // Waits until something is ready or `timeout_ns` has passed (negative: for ever; 0: not at all)
  // and returns the part of `events` that was filled. Precision is that of epoll_pwait2 plus the
  // thread's timer slack; milliseconds, rounded up, on kernels before 5.11. A signal counts as
  // nothing ready.
  absl::Span<epoll_event> Wait(absl::Span<epoll_event> events, int64_t timeout_ns);

 private:
  explicit Epoll(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  bool has_nanosecond_wait_ = true;
};

}  // namespace tcpfleet::sys
