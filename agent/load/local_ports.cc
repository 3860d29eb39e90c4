#include "agent/load/local_ports.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <string>
#include <vector>

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

absl::StatusOr<PortRange> ParsePortRange(absl::string_view text) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(text, absl::ByAnyChar("\t \n"), absl::SkipEmpty());
  uint32_t first = 0;
  uint32_t last = 0;
  if (words.size() != 2 || !absl::SimpleAtoi(words[0], &first) ||
      !absl::SimpleAtoi(words[1], &last) || first == 0 || last < first || last > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no range of ports"));
  }
  return PortRange{static_cast<uint16_t>(first), static_cast<uint16_t>(last)};
}

absl::StatusOr<PortSet> ParsePortList(absl::string_view text) {
  PortSet ports;
  for (const absl::string_view part :
       absl::StrSplit(text, absl::ByAnyChar(",\n"), absl::SkipEmpty())) {
    const std::vector<absl::string_view> ends = absl::StrSplit(part, '-');
    uint32_t first = 0;
    uint32_t last = 0;
    if (ends.size() > 2 || !absl::SimpleAtoi(ends.front(), &first) ||
        !absl::SimpleAtoi(ends.back(), &last) || last < first || last > 65535) {
      return absl::InvalidArgumentError(absl::StrCat("'", part, "' is no port or range of ports"));
    }
    for (size_t port = first; port <= last; ++port) ports.set(port);
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
