#include <absl/strings/str_format.h>
#include <absl/time/clock.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/unique_fd.h"
#include "tests/bench/limit/sockets.h"

namespace tcpfleet::bench {
namespace {

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

absl::Status Ask(int fd, uint8_t family) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 request;
  } message{};
  message.header.nlmsg_len = sizeof(message);
  message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message.request.sdiag_family = family;
  message.request.sdiag_protocol = IPPROTO_TCP;
  message.request.idiag_ext = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_CONG - 1);
  message.request.idiag_states = ~0u;
  if (::send(fd, &message, sizeof(message), 0) < 0) return sys::ErrnoStatus("send");
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> CountAnswer(int fd) {
  alignas(nlmsghdr) static std::array<char, 32'768> buffer;
  uint64_t sockets = 0;
  for (;;) {
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (size < 0) return sys::ErrnoStatus("recv");
    auto left = static_cast<uint32_t>(size);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) return sockets;
      if (message->nlmsg_type == NLMSG_ERROR) return absl::InternalError("the kernel refuses");
      ++sockets;
    }
  }
}

}  // namespace

absl::Status DumpSockets(int repeat) {
  const sys::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd.valid()) return sys::ErrnoStatus("socket");
  uint64_t sockets = 0;
  double seconds = 0;
  for (int i = 0; i < repeat; ++i) {
    absl::SleepFor(absl::Seconds(1));  // back to back they would find everything in the caches
    const double start = CpuSeconds();
    for (const uint8_t family : std::array<uint8_t, 2>{AF_INET, AF_INET6}) {
      TF_RETURN_IF_ERROR(Ask(fd.get(), family));
      TF_ASSIGN_OR_RETURN(const uint64_t counted, CountAnswer(fd.get()));
      sockets += counted;
    }
    seconds += (CpuSeconds() - start) / repeat;
  }
  absl::PrintF("{\"sockets\": %d, \"cpu_seconds\": %.6f}\n",
               sockets / static_cast<uint64_t>(repeat), seconds);
  return absl::OkStatus();
}

}  // namespace tcpfleet::bench
