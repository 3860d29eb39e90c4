#include "agent/kernel/namespace_reader.h"

#include <absl/functional/function_ref.h>
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

// `take` is called with every socket in one of `states`.
using TakeSocket = absl::FunctionRef<void(const netlink::InetDiagSocket&, int64_t true_at_ns)>;
absl::Status DumpInto(netlink::NetlinkSocket& socket, uint32_t states,
                      netlink::Extensions extensions, SocketCounting& counting, TakeSocket take) {
  const auto parse = [&](const netlink::Message& message, int64_t true_at_ns) {
    if (message.type != SOCK_DIAG_BY_FAMILY) return;
    const absl::StatusOr<netlink::InetDiagSocket> found =
        netlink::ParseInetDiagSocket(message.payload);
    if (found.ok()) {
      take(*found, true_at_ns);
    } else {
      ++counting.torn;
    }
  };
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    netlink::MessageBuilder request = netlink::InetDiagDumpRequest(
        {.family = family, .states = states, .extensions = extensions});
    const absl::Status status = socket.Dump(request, parse);
    if (absl::IsAborted(status)) {
      counting.gap = true;
    } else if (!status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status CountInto(const Request& plan, uint64_t network_namespace, ConnectionPicker* picker,
                       SocketCounting& counting) {
  TF_ASSIGN_OR_RETURN(netlink::NetlinkSocket socket,
                      netlink::NetlinkSocket::Open(NETLINK_SOCK_DIAG));
  SocketCounts& counts = *counting.counts;
  TF_RETURN_IF_ERROR(
      DumpInto(socket, kListening, 0, counting,
               [&](const netlink::InetDiagSocket& found, int64_t) { counts.AddListener(found); }));
  if (!Wants(plan, Request::PART_SOCKETS)) return absl::OkStatus();
  netlink::Extensions extensions = plan.rest_seconds().empty() ? 0 : netlink::kConnection;
  if (picker != nullptr) extensions |= picker->extensions();
  return DumpInto(socket, kAllOthers, extensions, counting,
                  [&](const netlink::InetDiagSocket& found, int64_t true_at_ns) {
                    counts.Add(found);
                    if (picker != nullptr) picker->Take(found, network_namespace, true_at_ns);
                  });
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

SocketCounting CountSockets(const Request& plan, uint64_t network_namespace, KernelFiles& files,
                            SocketBudget& budget, ConnectionPicker* picker) {
  SocketCounting counting;
  const bool listeners_only = !Wants(plan, Request::PART_SOCKETS);
  counting.counts = std::make_unique<SocketCounts>(
      ReadPorts(files),
      SocketCounts::Wish{.owners = plan.owners(),
                         .rest_seconds = {plan.rest_seconds().begin(), plan.rest_seconds().end()},
                         .listeners_only = listeners_only},
      &budget);
  const absl::Status status = CountInto(plan, network_namespace, picker, counting);
  if (!status.ok()) {
    files.Note("inet_diag", status);
    counting.counts = nullptr;
    return counting;
  }
  if (counting.torn > 0) {
    files.Note("inet_diag",
               absl::DataLossError(absl::StrCat(counting.torn, " sockets are unreadable")));
  }
  if (counting.counts->beyond_bounds() > 0) {
    files.Note("inet_diag", absl::ResourceExhaustedError(
                                absl::StrCat(counting.counts->beyond_bounds(),
                                             " sockets are of too many peers to be in a group")));
  }
  return counting;
}

}  // namespace tcpfleet::agent
