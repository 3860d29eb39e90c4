#include <absl/strings/str_format.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/unique_fd.h"
#include "tests/bench/limit/limit.h"
#include "tests/bench/limit/listen.h"

namespace tcpfleet::bench {
namespace {

constexpr int kMostEvents = 64;
// Then others have their turn; the event is asked for anew.
constexpr size_t kMostBytesPerEvent = 1u << 20;
// A receiver woken for less pays more for waking up than for receiving.
constexpr int kLeastReceived = 262'144;

double ThreadCpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

// One end of some connections: sends as fast as they take it, or receives and throws away.
class StreamEnd {
 public:
  StreamEnd(bool sends, int write_bytes)
      : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        sends_(sends),
        block_(static_cast<size_t>(write_bytes)) {}

  int epoll() const { return epoll_.get(); }
  uint64_t bytes() const { return bytes_; }

  absl::Status Add(sys::UniqueFd fd) {
    if (!sends_ &&
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVLOWAT, &kLeastReceived, sizeof(int)) != 0) {
      return sys::ErrnoStatus("setsockopt SO_RCVLOWAT");
    }
    TF_RETURN_IF_ERROR(Watch(EPOLL_CTL_ADD, fd.get()));
    (void)fd.Release();  // closed in Move, or with the process
    return absl::OkStatus();
  }

  // The connection has become ready.
  absl::Status Move(int fd) {
    for (size_t moved = 0; moved < kMostBytesPerEvent;) {
      const ssize_t size = sends_ ? ::send(fd, block_.data(), block_.size(), MSG_NOSIGNAL)
                                  : ::recv(fd, nullptr, kMostBytesPerEvent, MSG_TRUNC);
      if (size < 0 && errno == EAGAIN) return absl::OkStatus();
      if (size <= 0) {
        ::close(fd);
        return sends_ ? sys::ErrnoStatus("send") : absl::OkStatus();
      }
      moved += static_cast<size_t>(size);
      bytes_ += static_cast<uint64_t>(size);
      if (sends_ && static_cast<size_t>(size) < block_.size()) return absl::OkStatus();
    }
    return Watch(EPOLL_CTL_MOD, fd);
  }

 private:
  absl::Status Watch(int operation, int fd) {
    epoll_event event{.events = (sends_ ? EPOLLOUT : EPOLLIN | EPOLLRDHUP) | EPOLLET,
                      .data = {.fd = fd}};
    if (::epoll_ctl(epoll_.get(), operation, fd, &event) == 0) return absl::OkStatus();
    return sys::ErrnoStatus("epoll_ctl");
  }

  sys::UniqueFd epoll_;
  const bool sends_;
  const std::vector<char> block_;
  uint64_t bytes_ = 0;
};

absl::StatusOr<sys::UniqueFd> Connect(uint16_t port) {
  sys::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return sys::ErrnoStatus("socket");
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(port);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&server), sizeof(server)) != 0) {
    return sys::ErrnoStatus("connect");
  }
  if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) return sys::ErrnoStatus("fcntl");
  return fd;
}

absl::Status MoveUntil(StreamEnd& end, int64_t end_ns) {
  std::array<epoll_event, kMostEvents> events;
  while (base::MonotonicNowNs() < end_ns) {
    const int ready = ::epoll_wait(end.epoll(), events.data(), kMostEvents, 50);
    for (int i = 0; i < ready; ++i) {
      TF_RETURN_IF_ERROR(end.Move(events[static_cast<size_t>(i)].data.fd));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunStream(const ClientOptions& options) {
  StreamEnd end(!options.receives, options.write_bytes);
  for (int i = 0; i < options.connections; ++i) {
    TF_ASSIGN_OR_RETURN(sys::UniqueFd fd, Connect(options.port));
    TF_RETURN_IF_ERROR(end.Add(std::move(fd)));
  }
  const int64_t start_ns = base::MonotonicNowNs() + absl::ToInt64Nanoseconds(options.warmup);
  TF_RETURN_IF_ERROR(MoveUntil(end, start_ns));
  const uint64_t bytes_before = end.bytes();
  const double cpu_before = ThreadCpuSeconds();
  const int64_t measured_ns = base::MonotonicNowNs();
  TF_RETURN_IF_ERROR(MoveUntil(end, start_ns + absl::ToInt64Nanoseconds(options.duration)));
  const double seconds = static_cast<double>(base::MonotonicNowNs() - measured_ns) * 1e-9;
  absl::PrintF("{\"bytes\": %d, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n",
               end.bytes() - bytes_before, seconds, ThreadCpuSeconds() - cpu_before);
  return absl::OkStatus();
}

absl::Status ServeStreams(const StreamServerOptions& options) {
  TF_ASSIGN_OR_RETURN(const sys::UniqueFd listener, Listen(options.port));
  StreamEnd end(options.sends, options.write_bytes);
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener.get()}};
  ::epoll_ctl(end.epoll(), EPOLL_CTL_ADD, listener.get(), &event);
  event.data.fd = STDIN_FILENO;
  if (::epoll_ctl(end.epoll(), EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0) {
    return base::WithContext("watch standard input, a pipe or terminal",
                             sys::ErrnoStatus("epoll_ctl"));
  }
  std::array<epoll_event, kMostEvents> events;
  for (;;) {
    const int ready = ::epoll_wait(end.epoll(), events.data(), kMostEvents, -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == STDIN_FILENO) return absl::OkStatus();
      if (fd != listener.get()) {
        end.Move(fd).IgnoreError();  // the client has gone
        continue;
      }
      sys::UniqueFd accepted(::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!accepted.valid()) return sys::ErrnoStatus("accept4");
      TF_RETURN_IF_ERROR(end.Add(std::move(accepted)));
    }
  }
}

}  // namespace tcpfleet::bench
