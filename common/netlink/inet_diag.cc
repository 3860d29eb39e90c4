#include "common/netlink/inet_diag.h"

#include <absl/strings/str_cat.h>
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

namespace tcpfleet::netlink {
namespace {

constexpr uint8_t ExtensionBit(int extension) { return static_cast<uint8_t>(1 << (extension - 1)); }

base::IpAddress AddressOf(uint8_t family, const __be32 (&words)[4]) {
  if (family == AF_INET) {
    std::array<uint8_t, 4> bytes;
    std::memcpy(bytes.data(), words, sizeof(bytes));
    return base::IpAddress::V4(bytes);
  }
  std::array<uint8_t, 16> bytes;
  std::memcpy(bytes.data(), words, sizeof(bytes));
  return base::IpAddress::V6(bytes);
}

absl::string_view CString(Bytes bytes) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.substr(0, text.find('\0'));
}

void TakeAttribute(const Attribute& attribute, InetDiagSocket& socket) {
  switch (attribute.type) {
    case INET_DIAG_INFO:
      socket.tcp_info = attribute.payload;
      break;
    case INET_DIAG_CONG:
      socket.congestion_control = CString(attribute.payload);
      break;
    case INET_DIAG_SHUTDOWN:
      socket.shutdown = Load<uint8_t>(attribute.payload);
      break;
    case INET_DIAG_CGROUP_ID:
      socket.cgroup_id = Load<uint64_t>(attribute.payload);
      break;
    default:
      break;
  }
}

}  // namespace

MessageBuilder InetDiagDumpRequest(uint8_t family, uint32_t states) {
  inet_diag_req_v2 request{};
  request.sdiag_family = family;
  request.sdiag_protocol = IPPROTO_TCP;
  request.idiag_ext = ExtensionBit(INET_DIAG_INFO) | ExtensionBit(INET_DIAG_CONG);
  request.idiag_states = states;
  MessageBuilder builder(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP);
  builder.Append(BytesOf(request));
  return builder;
}

absl::StatusOr<InetDiagSocket> ParseInetDiagSocket(Bytes payload) {
  const std::optional<inet_diag_msg> message = Load<inet_diag_msg>(payload);
  if (!message) {
    return absl::DataLossError(absl::StrCat("inet_diag message of ", payload.size(), " bytes"));
  }
  const uint8_t family = message->idiag_family;
  if (family != AF_INET && family != AF_INET6) {
    return absl::DataLossError(absl::StrCat("inet_diag message of address family ", family));
  }
  InetDiagSocket socket;
  socket.state = message->idiag_state;
  socket.timer = message->idiag_timer;
  socket.timer_retransmits = message->idiag_retrans;
  socket.timer_expires_ms = message->idiag_expires;
  socket.local = {AddressOf(family, message->id.idiag_src), ntohs(message->id.idiag_sport)};
  socket.remote = {AddressOf(family, message->id.idiag_dst), ntohs(message->id.idiag_dport)};
  socket.interface = message->id.idiag_if;
  socket.cookie = uint64_t{message->id.idiag_cookie[1]} << 32 | message->id.idiag_cookie[0];
  socket.receive_queue = message->idiag_rqueue;
  socket.send_queue = message->idiag_wqueue;
  socket.uid = message->idiag_uid;
  socket.inode = message->idiag_inode;
  AttributeReader attributes(payload.subspan(sizeof(inet_diag_msg)));
  while (const std::optional<Attribute> attribute = attributes.Next()) {
    TakeAttribute(*attribute, socket);
  }
  if (!attributes.ok()) return absl::DataLossError("inet_diag attribute does not fit its message");
  return socket;
}

}  // namespace tcpfleet::netlink
