#include <absl/strings/str_format.h>
#include <absl/types/span.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/rlimit.h"
#include "common/sys/unique_fd.h"
#include "tests/bench/limit/limit.h"

namespace tcpfleet::bench {
namespace {

double ThreadCpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

class Client {
 public:
  Client(const ClientOptions& options, uint64_t most_descriptors)
      : options_(options),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        awaits_answer_(most_descriptors) {
    server_.sin_family = AF_INET;
    server_.sin_port = htons(options.port);
    server_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }

  // crr and rr: every connection that ends, or every answer, starts the next operation at once.
  absl::Status Exchange() {
    for (int i = 0; i < options_.connections; ++i) TF_RETURN_IF_ERROR(Open(kExchangeEvents));
    int64_t end_ns = base::MonotonicNowNs() + absl::ToInt64Nanoseconds(options_.warmup);
    TF_RETURN_IF_ERROR(ExchangeUntil(end_ns));
    StartMeasuring();
    end_ns += absl::ToInt64Nanoseconds(options_.duration);
    TF_RETURN_IF_ERROR(ExchangeUntil(end_ns));
    PrintMeasured();
    return absl::OkStatus();
  }

  absl::Status Hold() {
    StartMeasuring();
    for (int opening = 0, opened = 0; opened < options_.connections;) {
      for (; opening < kMostOpening && opened + opening < options_.connections; ++opening) {
        TF_RETURN_IF_ERROR(Open(EPOLLOUT));
      }
      for (const epoll_event& event : Wait()) {
        TF_RETURN_IF_ERROR(Keep(event));
        ++opened;
        --opening;
        ++operations_;
      }
    }
    PrintMeasured();
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    ::poll(&input, 1, static_cast<int>(absl::ToInt64Milliseconds(options_.duration)));
    return absl::OkStatus();
  }

 private:
  static constexpr uint32_t kExchangeEvents = EPOLLIN | EPOLLOUT | EPOLLET;
  static constexpr int kMostOpening = 256;
  static constexpr int kMostEvents = 512;

  absl::Status Open(uint32_t events) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return sys::ErrnoStatus("socket");
    const linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (options_.workload == Workload::kRr) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&server_), sizeof(server_)) != 0 &&
        errno != EINPROGRESS) {
      return sys::ErrnoStatus("connect");
    }
    awaits_answer_[static_cast<size_t>(fd)] = 0;
    epoll_event event{.events = events, .data = {.fd = fd}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      return sys::ErrnoStatus("epoll_ctl");
    }
    return absl::OkStatus();
  }

  absl::Span<const epoll_event> Wait() {
    constexpr int kLongestMs = 50;
    const int ready = ::epoll_wait(epoll_.get(), events_.data(), kMostEvents, kLongestMs);
    return {events_.data(), static_cast<size_t>(std::max(0, ready))};
  }

  absl::Status ExchangeUntil(int64_t end_ns) {
    while (base::MonotonicNowNs() < end_ns) {
      for (const epoll_event& event : Wait()) TF_RETURN_IF_ERROR(Advance(event.data.fd));
    }
    return absl::OkStatus();
  }

  absl::Status Advance(int fd) {
    uint8_t& awaits_answer = awaits_answer_[static_cast<size_t>(fd)];
    char byte = 0;
    if (awaits_answer != 0) {
      const ssize_t got = ::recv(fd, &byte, 1, 0);
      if (got < 0 && errno == EAGAIN) return absl::OkStatus();
      if (got != 1) return sys::ErrnoStatus(got == 0 ? ECONNRESET : errno, "recv");
      ++operations_;
      if (options_.workload == Workload::kCrr) {
        ::close(fd);
        return Open(kExchangeEvents);
      }
    }
    // The first send also tells whether the connection opened.
    if (::send(fd, &byte, 1, MSG_NOSIGNAL) != 1) return sys::ErrnoStatus("send");
    awaits_answer = 1;
    return absl::OkStatus();
  }

  absl::Status Keep(epoll_event ready) {
    if ((ready.events & (EPOLLERR | EPOLLHUP)) != 0) {
      return absl::UnavailableError("connect: the server refused or aborted");
    }
    ready.events = EPOLLIN | EPOLLRDHUP;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, ready.data.fd, &ready) != 0) {
      return sys::ErrnoStatus("epoll_ctl");
    }
    return absl::OkStatus();
  }

  void StartMeasuring() {
    operations_ = 0;
    start_ns_ = base::MonotonicNowNs();
    start_cpu_seconds_ = ThreadCpuSeconds();
  }

  void PrintMeasured() const {
    const double cpu_seconds = ThreadCpuSeconds() - start_cpu_seconds_;
    const double seconds = static_cast<double>(base::MonotonicNowNs() - start_ns_) * 1e-9;
    absl::PrintF("{\"operations\": %d, \"seconds\": %.6f, \"cpu_seconds\": %.6f, \"rate\": %.1f}\n",
                 operations_, seconds, cpu_seconds, static_cast<double>(operations_) / seconds);
    std::fflush(stdout);
  }

  const ClientOptions options_;
  sockaddr_in server_{};
  sys::UniqueFd epoll_;
  std::vector<uint8_t> awaits_answer_;  // by descriptor
  std::array<epoll_event, kMostEvents> events_;
  uint64_t operations_ = 0;
  int64_t start_ns_ = 0;
  double start_cpu_seconds_ = 0;
};

}  // namespace

absl::Status RunClient(const ClientOptions& options) {
  TF_ASSIGN_OR_RETURN(const uint64_t most_descriptors, sys::RaiseOpenFileLimit());
  Client client(options, most_descriptors);
  return options.workload == Workload::kHold ? client.Hold() : client.Exchange();
}

}  // namespace tcpfleet::bench
