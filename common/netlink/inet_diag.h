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

// What a dump is to say: bits of idiag_ext.
using Extensions = uint8_t;
inline constexpr Extensions kConnection = 1 << 1 | 1 << 3;  // tcp_info, name of congestion control
inline constexpr Extensions kCongestionInfo = 1 << 2;  // INET_DIAG_VEGASINFO stands for all of them
inline constexpr Extensions kTypeOfService = 1 << 4;
inline constexpr Extensions kTrafficClass = 1 << 5;
inline constexpr Extensions kSocketMemory = 1 << 6;

struct InetDiagDump {
  uint8_t family = 0;   // AF_INET or AF_INET6
  uint32_t states = 0;  // the state n is bit 1 << n
  Extensions extensions = kConnection;
  Bytes program = {};  // INET_DIAG_REQ_BYTECODE; empty: every socket
};

// A dump of the TCP sockets of one family.
MessageBuilder InetDiagDumpRequest(const InetDiagDump& dump);

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
  std::optional<uint8_t> tos;
  std::optional<uint8_t> tclass;
  std::optional<uint8_t> v6only;
  std::optional<uint32_t> mark;  // only told to CAP_NET_ADMIN
  // u32 by SK_MEMINFO_*, struct tcp_bbr_info, tcpvegas_info and tcp_dctcp_info; empty when not
  // said.
  Bytes skmem;
  Bytes bbr;
  Bytes vegas;
  Bytes dctcp;
};

// DataLoss when the message is too short, its family unknown or an attribute does not fit.
absl::StatusOr<InetDiagSocket> ParseInetDiagSocket(Bytes payload);

// Since it last sent or received data; nothing when the kernel does not say.
std::optional<uint32_t> RestMs(const InetDiagSocket& socket);

// As little of a message as it takes to see that its socket is as it was.
struct InetDiagGlance {
  uint64_t cookie = 0;
  uint8_t state = 0;
  bool has_tcp_info = false;
  // Of the whole message but for the times below, which go on while a socket rests.
  uint64_t fingerprint = 0;
  uint32_t timer_expires_ms = 0;   // 0: no timer
  uint32_t last_data_sent_ms = 0;  // ago
  uint32_t last_data_recv_ms = 0;
  uint32_t last_ack_recv_ms = 0;
};

// Errors as ParseInetDiagSocket. `seed` keeps others from making messages of equal fingerprints.
absl::StatusOr<InetDiagGlance> GlanceAtInetDiagSocket(Bytes payload, uint64_t seed);

}  // namespace tcpfleet::netlink
