#include "common/netlink/inet_diag.h"

#include <absl/strings/str_cat.h>
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "common/base/status_macros.h"

namespace tcpfleet::netlink {
namespace {

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
    case INET_DIAG_TOS:
      socket.tos = Load<uint8_t>(attribute.payload);
      break;
    case INET_DIAG_TCLASS:
      socket.tclass = Load<uint8_t>(attribute.payload);
      break;
    case INET_DIAG_SKV6ONLY:
      socket.v6only = Load<uint8_t>(attribute.payload);
      break;
    case INET_DIAG_MARK:
      socket.mark = Load<uint32_t>(attribute.payload);
      break;
    case INET_DIAG_SKMEMINFO:
      socket.skmem = attribute.payload;
      break;
    case INET_DIAG_BBRINFO:
      socket.bbr = attribute.payload;
      break;
    case INET_DIAG_VEGASINFO:
      socket.vegas = attribute.payload;
      break;
    case INET_DIAG_DCTCPINFO:
      socket.dctcp = attribute.payload;
      break;
    default:
      break;
  }
}

absl::StatusOr<inet_diag_msg> LoadHeader(Bytes payload) {
  const std::optional<inet_diag_msg> message = Load<inet_diag_msg>(payload);
  if (!message) {
    return absl::DataLossError(absl::StrCat("inet_diag message of ", payload.size(), " bytes"));
  }
  if (message->idiag_family != AF_INET && message->idiag_family != AF_INET6) {
    return absl::DataLossError(
        absl::StrCat("inet_diag message of address family ", message->idiag_family));
  }
  return *message;
}

uint64_t CookieOf(const inet_diag_msg& message) {
  return uint64_t{message.id.idiag_cookie[1]} << 32 | message.id.idiag_cookie[0];
}

absl::Status CutAttribute() {
  return absl::DataLossError("inet_diag attribute does not fit its message");
}

// 16 bytes at a time become the product of two words, in the way of wyhash; the products do not
// wait for each other.
class Fingerprint {
 public:
  explicit Fingerprint(uint64_t seed)
      : first_(seed ^ 0xa0761d6478bd642f), second_(std::rotl(seed, 32) ^ 0xe7037ed1a0b428db) {}

  void Add(Bytes bytes) {
    while (bytes.size() >= 16) {
      Mix(LoadWord(bytes, 8), LoadWord(bytes.subspan(8), 8));
      bytes.remove_prefix(16);
    }
    if (bytes.size() > 8) {
      Mix(LoadWord(bytes, 8), LoadWord(bytes.subspan(8), bytes.size() - 8));
    } else if (!bytes.empty()) {
      Mix(LoadWord(bytes, bytes.size()), 0);
    }
  }
  uint64_t value() const { return state_; }

 private:
  static uint64_t LoadWord(Bytes bytes, size_t size) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), size);
    return word;
  }
  void Mix(uint64_t a, uint64_t b) {
    __extension__ using Product = unsigned __int128;
    const Product product = Product{a ^ first_} * (b ^ second_);
    state_ = std::rotl(state_, 7) +
             (static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64));
  }

  const uint64_t first_;
  const uint64_t second_;
  uint64_t state_ = 0;
};

// Of struct tcp_info.
constexpr size_t kLastDataSent = 44;
constexpr size_t kLastDataRecv = 52;
constexpr size_t kLastAckRecv = 56;

uint32_t TakeMilliseconds(Bytes tcp_info, size_t offset) {
  return offset < tcp_info.size() ? Load<uint32_t>(tcp_info.subspan(offset)).value_or(0) : 0;
}

}  // namespace

MessageBuilder InetDiagDumpRequest(const InetDiagDump& dump) {
  inet_diag_req_v2 request{};
  request.sdiag_family = dump.family;
  request.sdiag_protocol = IPPROTO_TCP;
  request.idiag_ext = dump.extensions;
  request.idiag_states = dump.states;
  MessageBuilder builder(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP);
  builder.Append(BytesOf(request));
  if (!dump.program.empty()) builder.AddAttribute(INET_DIAG_REQ_BYTECODE, dump.program);
  return builder;
}

absl::StatusOr<InetDiagSocket> ParseInetDiagSocket(Bytes payload) {
  TF_ASSIGN_OR_RETURN(const inet_diag_msg message, LoadHeader(payload));
  const uint8_t family = message.idiag_family;
  InetDiagSocket socket;
  socket.state = message.idiag_state;
  socket.timer = message.idiag_timer;
  socket.timer_retransmits = message.idiag_retrans;
  socket.timer_expires_ms = message.idiag_expires;
  socket.local = {AddressOf(family, message.id.idiag_src), ntohs(message.id.idiag_sport)};
  socket.remote = {AddressOf(family, message.id.idiag_dst), ntohs(message.id.idiag_dport)};
  socket.interface = message.id.idiag_if;
  socket.cookie = CookieOf(message);
  socket.receive_queue = message.idiag_rqueue;
  socket.send_queue = message.idiag_wqueue;
  socket.uid = message.idiag_uid;
  socket.inode = message.idiag_inode;
  AttributeReader attributes(payload.subspan(sizeof(inet_diag_msg)));
  while (const std::optional<Attribute> attribute = attributes.Next()) {
    TakeAttribute(*attribute, socket);
  }
  if (!attributes.ok()) return CutAttribute();
  return socket;
}

std::optional<uint32_t> RestMs(const InetDiagSocket& socket) {
  if (socket.tcp_info.size() < kLastDataRecv + sizeof(uint32_t)) return std::nullopt;
  return std::min(TakeMilliseconds(socket.tcp_info, kLastDataSent),
                  TakeMilliseconds(socket.tcp_info, kLastDataRecv));
}

absl::StatusOr<InetDiagGlance> GlanceAtInetDiagSocket(Bytes payload, uint64_t seed) {
  TF_ASSIGN_OR_RETURN(inet_diag_msg message, LoadHeader(payload));
  InetDiagGlance glance;
  glance.cookie = CookieOf(message);
  glance.state = message.idiag_state;
  if (message.idiag_timer != 0) glance.timer_expires_ms = message.idiag_expires;
  message.idiag_expires = 0;
  Fingerprint fingerprint(seed);
  fingerprint.Add(BytesOf(message));
  const Bytes rest = payload.subspan(sizeof(inet_diag_msg));
  Bytes tcp_info;
  AttributeReader attributes(rest);
  while (const std::optional<Attribute> attribute = attributes.Next()) {
    if (attribute->type == INET_DIAG_INFO) tcp_info = attribute->payload;
  }
  if (!attributes.ok()) return CutAttribute();
  glance.has_tcp_info = !tcp_info.empty();
  if (tcp_info.size() < kLastAckRecv + sizeof(uint32_t)) {
    fingerprint.Add(rest);
  } else {
    glance.last_data_sent_ms = TakeMilliseconds(tcp_info, kLastDataSent);
    glance.last_data_recv_ms = TakeMilliseconds(tcp_info, kLastDataRecv);
    glance.last_ack_recv_ms = TakeMilliseconds(tcp_info, kLastAckRecv);
    const auto at = static_cast<size_t>(tcp_info.data() - rest.data());
    fingerprint.Add(rest.first(at + kLastDataSent));
    fingerprint.Add(tcp_info.subspan(kLastDataSent + 4, 4));
    fingerprint.Add(rest.subspan(at + kLastAckRecv + 4));
  }
  glance.fingerprint = fingerprint.value();
  return glance;
}

}  // namespace tcpfleet::netlink
