#include "agent/load/local_ports.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <string>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/netlink/inet_diag.h"
#include "common/netlink/netlink_socket.h"
#include "common/sys/file.h"

namespace tcpfleet::agent {
namespace {

constexpr char kRangePath[] = "/proc/sys/net/ipv4/ip_local_port_range";
constexpr char kReservedPath[] = "/proc/sys/net/ipv4/ip_local_reserved_ports";

absl::StatusOr<PortSet> ReadListeningPorts() {
  TF_ASSIGN_OR_RETURN(netlink::NetlinkSocket socket,
                      netlink::NetlinkSocket::Open(NETLINK_SOCK_DIAG));
  PortSet ports;
  for (const int family : {AF_INET, AF_INET6}) {
    netlink::MessageBuilder request = netlink::InetDiagDumpRequest(
        {.family = static_cast<uint8_t>(family), .states = 1u << TCP_LISTEN});
    const absl::Status status = socket.Dump(request, [&](const netlink::Message& message, int64_t) {
      if (message.type != SOCK_DIAG_BY_FAMILY) return;
      const auto listener = netlink::ParseInetDiagSocket(message.payload);
      if (listener.ok()) ports.set(listener->local.port);
    });
    // An interrupted dump may miss a listener that came or went meanwhile; those met later are
    // found out by trying.
    if (!status.ok() && !absl::IsAborted(status)) return base::WithContext("inet_diag", status);
  }
  return ports;
}

}  // namespace

LocalPorts UsablePorts(const PortRange& range, const PortSet& reserved, const PortSet& listening) {
  LocalPorts ports;
  ports.range = range;
  for (size_t port = range.first; port <= range.last; ++port) {
    if (reserved[port]) {
      ++ports.reserved;
    } else if (listening[port]) {
      ++ports.listening;
    } else {
      ports.usable.push_back(static_cast<uint16_t>(port));
    }
  }
  return ports;
}

absl::StatusOr<LocalPorts> ReadLocalPorts() {
  TF_ASSIGN_OR_RETURN(const std::string range_text, sys::ReadFile(kRangePath));
  const absl::StatusOr<PortRange> range = ParsePortRange(range_text);
  if (!range.ok()) return base::WithContext(kRangePath, range.status());
  TF_ASSIGN_OR_RETURN(const std::string reserved_text, sys::ReadFile(kReservedPath));
  const absl::StatusOr<PortSet> reserved = ParsePortList(reserved_text);
  if (!reserved.ok()) return base::WithContext(kReservedPath, reserved.status());
  TF_ASSIGN_OR_RETURN(const PortSet listening, ReadListeningPorts());
  return UsablePorts(*range, *reserved, listening);
}

}  // namespace tcpfleet::agent
