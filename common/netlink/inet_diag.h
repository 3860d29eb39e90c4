// Requests and answers of NETLINK_SOCK_DIAG for TCP sockets. Pure: bytes in, values out.
//
// Source: sock_diag(7), linux/inet_diag.h, net/ipv4/inet_diag.c.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <optional>

#include "common/base/ip_address.h"
#include "common/netlink/message.h"

namespace tcpfleet::netlink {

// A dump of the TCP sockets of one family (AF_INET, AF_INET6) in the states whose bit 1 << state is
// set, with tcp_info and the name of the congestion control.
MessageBuilder InetDiagDumpRequest(uint8_t family, uint32_t states);

// One socket. Views point into the message it was parsed from.
struct InetDiagSocket {
  uint8_t state = 0;
  uint8_t timer = 0;
  uint8_t timer_retransmits = 0;
  uint32_t timer_expires_ms = 0;
  base::Endpoint local;
  base::Endpoint remote;
  uint32_t interface = 0;
  uint64_t cookie = 0;
  uint32_t receive_queue = 0;
  uint32_t send_queue = 0;
  uint32_t uid = 0;
  uint32_t inode = 0;  // 0 for sockets without a file; then uid says nothing on kernels before 6.17
  // Empty for the stand-ins of a connection that the kernel no longer (TIME_WAIT, FIN_WAIT_2
  // without a program) or not yet (SYN_RECV) has a full socket for; their uid, inode and cgroup are
  // unknown too.
  Bytes tcp_info;
  absl::string_view congestion_control;
  std::optional<uint8_t> shutdown;
  std::optional<uint64_t> cgroup_id;
};

// DataLoss when the message is too short, its family unknown or an attribute does not fit.
absl::StatusOr<InetDiagSocket> ParseInetDiagSocket(Bytes payload);

}  // namespace tcpfleet::netlink
