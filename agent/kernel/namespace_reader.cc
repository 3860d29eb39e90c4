#include "agent/kernel/namespace_reader.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/kernel/cpu_tables.h"
#include "agent/kernel/interfaces.h"
#include "agent/kernel/net_tables.h"
#include "common/base/status_macros.h"
#include "common/netlink/netlink_socket.h"
#include "common/sockets/state_names.h"

namespace tcpfleet::agent {
namespace {

using Request = v1::SnapshotKernelRequest;

constexpr uint32_t kListening = sockets::MaskOf(sockets::TcpState::kListen);
// TCP_BOUND_INACTIVE: told since 6.8 when asked for.
constexpr uint32_t kAllOthers = (sockets::kAllStates | 1 << 13) & ~kListening;

// What sockstat says of the whole host in every namespace.
bool TakeHostLevel(absl::string_view name, int64_t level, v1::HostStatistics* host) {
  const auto value = static_cast<uint64_t>(level);
  if (name == "TCP.orphan") {
    if (host != nullptr) host->set_tcp_orphans(value);
  } else if (name == "TCP.alloc") {
    if (host != nullptr) host->set_tcp_sockets_allocated(value);
  } else if (name == "TCP.mem") {
    if (host != nullptr) host->set_tcp_memory_pages(value);
  } else {
    return name == "UDP.mem" || name == "UDPLITE.mem";
  }
  return true;
}

void Take(NetTables tables, v1::NamespaceStatistics& to, v1::HostStatistics* host) {
  for (auto& [name, value] : tables.counters) (*to.mutable_counters())[std::move(name)] = value;
  for (auto& [name, value] : tables.levels) {
    if (!TakeHostLevel(name, value, host)) (*to.mutable_levels())[std::move(name)] = value;
  }
}

void ReadCounters(KernelFiles& files, v1::NamespaceStatistics& to, v1::HostStatistics* host) {
  using Parse = absl::StatusOr<NetTables> (*)(absl::string_view);
  constexpr std::pair<const char*, Parse> kFiles[] = {{"net/netstat", &ParseColumnTables},
                                                      {"net/snmp", &ParseColumnTables},
                                                      {"net/snmp6", &ParseSnmp6},
                                                      {"net/sockstat", &ParseSockstat},
                                                      {"net/sockstat6", &ParseSockstat}};
  for (const auto& [path, parse] : kFiles) {
    files.Read(path, [&, parse = parse](absl::string_view text) -> absl::Status {
      TF_ASSIGN_OR_RETURN(NetTables tables, parse(text));
      Take(std::move(tables), to, host);
      return absl::OkStatus();
    });
  }
}

absl::StatusOr<uint64_t> ParseCount(absl::string_view text) {
  uint64_t count = 0;
  if (absl::SimpleAtoi(text, &count)) return count;
  return absl::DataLossError(absl::StrCat("'", text.substr(0, 40), "' is no count"));
}

void ReadConntrack(KernelFiles& files, v1::NamespaceStatistics& to) {
  v1::Conntrack conntrack;
  files.Read("sys/net/netfilter/nf_conntrack_count", [&](absl::string_view text) -> absl::Status {
    TF_ASSIGN_OR_RETURN(const uint64_t count, ParseCount(text));
    conntrack.set_entries(count);
    return absl::OkStatus();
  });
  files.Read("sys/net/netfilter/nf_conntrack_max", [&](absl::string_view text) -> absl::Status {
    TF_ASSIGN_OR_RETURN(const uint64_t count, ParseCount(text));
    conntrack.set_maximum(count);
    return absl::OkStatus();
  });
  files.Read("net/stat/nf_conntrack", [&](absl::string_view text) -> absl::Status {
    TF_ASSIGN_OR_RETURN(const CpuTable table, ParseCpuTable(text));
    for (const auto& [name, value] : table.counters) {
      (*conntrack.mutable_counters())[name] = value;
    }
    return absl::OkStatus();
  });
  if (conntrack.ByteSizeLong() > 0) *to.mutable_conntrack() = std::move(conntrack);
}

void ReadInterfacesInto(KernelFiles& files, v1::NamespaceStatistics& to) {
  const absl::StatusOr<uint64_t> beyond = ReadInterfaces(to);
  if (!beyond.ok()) {
    files.Note("rtnetlink links", beyond.status());
  } else if (*beyond > 0) {
    files.Note("rtnetlink links", absl::ResourceExhaustedError(absl::StrCat(
                                      *beyond, " interfaces and qdiscs are too many")));
  }
}

std::optional<SocketCounts::Ports> ReadPorts(KernelFiles& files) {
  std::optional<PortRange> range;
  std::optional<PortSet> reserved;
  files.Read("sys/net/ipv4/ip_local_port_range", [&](absl::string_view text) -> absl::Status {
    TF_ASSIGN_OR_RETURN(range, ParsePortRange(text));
    return absl::OkStatus();
  });
  files.Read("sys/net/ipv4/ip_local_reserved_ports", [&](absl::string_view text) -> absl::Status {
    TF_ASSIGN_OR_RETURN(reserved, ParsePortList(text));
    return absl::OkStatus();
  });
  if (!range || !reserved) return std::nullopt;
  return SocketCounts::Ports{*range, *reserved};
}

absl::Status CountInto(SocketCounts& counts, uint64_t& torn, bool& gap) {
  TF_ASSIGN_OR_RETURN(netlink::NetlinkSocket socket,
                      netlink::NetlinkSocket::Open(NETLINK_SOCK_DIAG));
  for (const uint32_t states : {kListening, kAllOthers}) {
    const auto take = [&](const netlink::Message& message, int64_t) {
      if (message.type != SOCK_DIAG_BY_FAMILY) return;
      const absl::StatusOr<netlink::InetDiagSocket> found =
          netlink::ParseInetDiagSocket(message.payload);
      if (!found.ok()) {
        ++torn;
      } else if (states == kListening) {
        counts.AddListener(*found);
      } else {
        counts.Add(*found);
      }
    };
    for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
      netlink::MessageBuilder request =
          netlink::InetDiagDumpRequest({.family = family, .states = states, .extensions = 0});
      const absl::Status status = socket.Dump(request, take);
      if (absl::IsAborted(status)) {
        gap = true;
      } else if (!status.ok()) {
        return status;
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool Wants(const Request& plan, Request::Part part) {
  return std::find(plan.parts().begin(), plan.parts().end(), part) != plan.parts().end();
}

void ReadNamespace(const Request& plan, KernelFiles& files, v1::NamespaceStatistics& to,
                   v1::HostStatistics* host) {
  if (Wants(plan, Request::PART_COUNTERS)) ReadCounters(files, to, host);
  if (Wants(plan, Request::PART_CONNTRACK)) ReadConntrack(files, to);
  if (Wants(plan, Request::PART_INTERFACES)) ReadInterfacesInto(files, to);
  if (Wants(plan, Request::PART_NEIGHBOURS)) {
    const absl::Status status = ReadNeighbours(to);
    if (!status.ok()) files.Note("rtnetlink neighbours", status);
  }
}

std::unique_ptr<SocketCounts> CountSockets(bool owners, KernelFiles& files, SocketBudget& budget,
                                           bool& gap) {
  auto counts = std::make_unique<SocketCounts>(ReadPorts(files), owners, &budget);
  uint64_t torn = 0;
  const absl::Status status = CountInto(*counts, torn, gap);
  if (!status.ok()) {
    files.Note("inet_diag", status);
    return nullptr;
  }
  if (torn > 0) {
    files.Note("inet_diag", absl::DataLossError(absl::StrCat(torn, " sockets are unreadable")));
  }
  if (counts->beyond_bounds() > 0) {
    files.Note("inet_diag",
               absl::ResourceExhaustedError(absl::StrCat(
                   counts->beyond_bounds(), " sockets are of too many peers to be in a group")));
  }
  return counts;
}

}  // namespace tcpfleet::agent
