#include "common/netlink/netlink_socket.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <utility>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/retry.h"

namespace tcpfleet::netlink {
namespace {

constexpr size_t kBufferBytes = size_t{32} << 10;
constexpr timeval kLongestSilence{.tv_sec = 5, .tv_usec = 0};

// NLMSG_DONE and NLMSG_ERROR both begin with 0 or a negative errno.
absl::Status AnswerStatus(const Message& message) {
  const std::optional<int32_t> code = Load<int32_t>(message.payload);
  if (!code) {
    return message.type == NLMSG_DONE ? absl::OkStatus()
                                      : absl::DataLossError("netlink error without an errno");
  }
  return *code == 0 ? absl::OkStatus() : sys::ErrnoStatus(-*code, "netlink dump");
}

}  // namespace

NetlinkSocket::NetlinkSocket(sys::UniqueFd fd, uint32_t port_id)
    : fd_(std::move(fd)), port_id_(port_id), buffer_(kBufferBytes) {}

absl::StatusOr<NetlinkSocket> NetlinkSocket::Open(int family) {
  sys::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family));
  if (!fd.valid()) return sys::ErrnoStatus("netlink socket");
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kLongestSilence, sizeof(kLongestSilence)) !=
      0) {
    return sys::ErrnoStatus("netlink SO_RCVTIMEO");
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;  // port id 0: the kernel picks one
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return sys::ErrnoStatus("netlink bind");
  }
  socklen_t length = sizeof(address);
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return sys::ErrnoStatus("netlink getsockname");
  }
  return NetlinkSocket(std::move(fd), address.nl_pid);
}

absl::Status NetlinkSocket::Send(Bytes request) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const ssize_t sent = sys::RetryEintr([&] {
    return ::sendto(fd_.get(), request.data(), request.size(), 0,
                    reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel));
  });
  return sent < 0 ? sys::ErrnoStatus("netlink send") : absl::OkStatus();
}

absl::StatusOr<Bytes> NetlinkSocket::Receive() {
  for (;;) {
    sockaddr_nl from{};
    iovec target{.iov_base = buffer_.data(), .iov_len = buffer_.size()};
    msghdr header{};
    header.msg_name = &from;
    header.msg_namelen = sizeof(from);
    header.msg_iov = &target;
    header.msg_iovlen = 1;
    const ssize_t size = sys::RetryEintr([&] { return ::recvmsg(fd_.get(), &header, 0); });
    if (size < 0 && errno == ENOBUFS) return absl::DataLossError("netlink: messages were lost");
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return absl::DeadlineExceededError("netlink: the kernel does not answer");
    }
    if (size < 0) return sys::ErrnoStatus("netlink receive");
    if ((header.msg_flags & MSG_TRUNC) != 0) {
      return absl::DataLossError("netlink: a datagram was cut off");
    }
    // Any process may send to our port id; only the kernel has id 0.
    if (from.nl_pid == 0) return Bytes(buffer_).first(static_cast<size_t>(size));
  }
}

absl::Status NetlinkSocket::Dump(MessageBuilder& request,
                                 absl::FunctionRef<void(const Message&, int64_t)> take) {
  bool interrupted = false;
  // The kernel fills the first datagram while it handles the request, and the next one whenever one
  // is received.
  int64_t true_at_ns = base::MonotonicNowNs();
  TF_RETURN_IF_ERROR(Send(request.Finish(++sequence_)));
  for (;;) {
    const int64_t next_true_at_ns = base::MonotonicNowNs();
    TF_ASSIGN_OR_RETURN(const Bytes datagram, Receive());
    MessageReader reader(datagram);
    while (const std::optional<Message> message = reader.Next()) {
      if (message->sequence != sequence_ || message->port_id != port_id_) continue;
      if ((message->flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
      if (message->type == NLMSG_ERROR) return AnswerStatus(*message);
      if (message->type == NLMSG_DONE) {
        TF_RETURN_IF_ERROR(AnswerStatus(*message));
        return interrupted ? absl::AbortedError("netlink: the dump was interrupted")
                           : absl::OkStatus();
      }
      take(*message, true_at_ns);
    }
    if (!reader.ok()) return absl::DataLossError("netlink: a message does not fit its datagram");
    true_at_ns = next_true_at_ns;
  }
}

}  // namespace tcpfleet::netlink
