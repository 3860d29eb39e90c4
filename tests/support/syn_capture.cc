#include "tests/support/syn_capture.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <ctime>
#include <utility>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"

namespace tcpfleet::tests {
namespace {

constexpr size_t kProtocolAt = 9;
constexpr size_t kSourceAt = 12;
constexpr size_t kFlagsAt = 13;  // of the TCP header
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kAck = 0x10;

absl::StatusOr<sys::UniqueFd> OpenCapture() {
  sys::UniqueFd socket(
      ::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_IP)));
  if (!socket.valid()) return sys::ErrnoStatus("packet socket");
  const int on = 1;
  const int bytes = 4 << 20;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) != 0) {
    return sys::ErrnoStatus("SO_TIMESTAMPNS");
  }
  return socket;
}

int64_t ArrivalNs(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SO_TIMESTAMPNS) continue;
    timespec time{};
    std::memcpy(&time, CMSG_DATA(part), sizeof(time));
    return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  }
  return 0;
}

}  // namespace

absl::StatusOr<SynCapture> SynCapture::Start(const sys::NetNamespace& network) {
  sys::UniqueFd socket;
  TF_RETURN_IF_ERROR(network.Run([&]() -> absl::Status {
    TF_ASSIGN_OR_RETURN(socket, OpenCapture());
    return absl::OkStatus();
  }));
  return SynCapture(std::move(socket));
}

std::map<base::IpAddress, int64_t> SynCapture::FirstSyns() {
  std::map<base::IpAddress, int64_t> first;
  std::array<uint8_t, 128> packet;
  alignas(cmsghdr) std::array<char, 128> control;
  sockaddr_ll from{};
  for (;;) {
    iovec place{packet.data(), packet.size()};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof(from);
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t length = ::recvmsg(socket_.get(), &message, 0);
    if (length < 0) return first;
    const auto bytes = static_cast<size_t>(length);
    const size_t tcp_at = size_t{packet[0] & 0x0fu} * 4;
    if (from.sll_pkttype == PACKET_OUTGOING || bytes < tcp_at + kFlagsAt + 1 ||
        packet[kProtocolAt] != IPPROTO_TCP) {
      continue;
    }
    if ((packet[tcp_at + kFlagsAt] & (kSyn | kAck)) != kSyn) continue;
    std::array<uint8_t, 4> source;
    std::memcpy(source.data(), &packet[kSourceAt], source.size());
    first.try_emplace(base::IpAddress::V4(source), ArrivalNs(message));
  }
}

}  // namespace tcpfleet::tests
