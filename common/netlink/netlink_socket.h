// A netlink socket that asks the kernel for dumps.
//
// Owns:    one descriptor. It belongs to the network namespace of the thread that opened it, for
//          ever. Threads: not thread-safe. Errors:  those of the kernel's answer by errno
//          (NotFound: no such family or module); Aborted when the kernel marked the dump as
//          interrupted; DataLoss for a truncated datagram, lost messages (ENOBUFS) or one that is
//          no netlink; DeadlineExceeded when the kernel says nothing for 5 s. After any error but
//          Aborted open a new socket: the rest of the old answer may still arrive.
// Bounds:  one buffer of 32 KiB, the most the kernel puts into a datagram of a dump.
// Source:  netlink(7).
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <vector>

#include "common/netlink/message.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::netlink {

class NetlinkSocket {
 public:
  // `family` is for example NETLINK_SOCK_DIAG.
  static absl::StatusOr<NetlinkSocket> Open(int family);

  // Sends the request and hands over every message of the answer, with the CLOCK_MONOTONIC time at
  // which the kernel began to fill its datagram, which is when the values in it were true.
  absl::Status Dump(MessageBuilder& request,
                    absl::FunctionRef<void(const Message& message, int64_t true_at_ns)> take);

 private:
  NetlinkSocket(sys::UniqueFd fd, uint32_t port_id);
  absl::Status Send(Bytes request);
  absl::StatusOr<Bytes> Receive();

  sys::UniqueFd fd_;
  uint32_t port_id_;
  uint32_t sequence_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace tcpfleet::netlink
