#include "controller/stack/stack_csv.h"

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include <map>
#include <string>

#include "common/sysctl/key.h"
#include "controller/stack/change.h"
#include "controller/stack/sections.h"

namespace tcpfleet::controller {
namespace {

class Rows {
 public:
  explicit Rows(std::string host) : host_(std::move(host)) {}

  void InNamespace(uint64_t inode) { namespace_ = inode == 0 ? "" : absl::StrCat(inode); }
  template <class Value>
  void Add(const char* section, const std::string& name, const Value& value) {
    rows_.push_back({host_, namespace_, section, name, absl::StrCat(value)});
  }
  // In the order of the names.
  template <class Map>
  void AddAll(const char* section, const Map& map, const std::string& prefix = "") {
    const std::map<std::string, typename Map::mapped_type> sorted(map.begin(), map.end());
    for (const auto& [name, value] : sorted) Add(section, absl::StrCat(prefix, name), value);
  }
  std::vector<CsvRow> Take() { return std::move(rows_); }

 private:
  const std::string host_;
  std::string namespace_;
  std::vector<CsvRow> rows_;
};

void AddHost(const v1::HostStatistics& host, Rows& rows) {
  if (host.has_load_1m()) rows.Add("load", "1m", host.load_1m());
  if (host.has_load_5m()) rows.Add("load", "5m", host.load_5m());
  if (host.has_load_15m()) rows.Add("load", "15m", host.load_15m());
  if (host.has_tasks_running()) rows.Add("load", "tasks_running", host.tasks_running());
  if (host.has_tasks()) rows.Add("load", "tasks", host.tasks());
  rows.Add("load", "cpus", host.cpus());
  if (host.has_memory_bytes()) rows.Add("memory", "bytes", host.memory_bytes());
  if (host.has_available_memory_bytes()) {
    rows.Add("memory", "available_bytes", host.available_memory_bytes());
  }
  for (const v1::PressureStall& stall : host.pressure()) {
    const std::string name = absl::StrCat(stall.resource(), stall.full() ? " full" : " some");
    rows.Add("pressure", absl::StrCat(name, " share_10s"), stall.share_10s());
    rows.Add("pressure", absl::StrCat(name, " share_60s"), stall.share_60s());
    rows.Add("pressure", absl::StrCat(name, " share_300s"), stall.share_300s());
  }
  for (const v1::SoftnetCpu& cpu : host.softnet()) {
    const std::string name = absl::StrCat("cpu", cpu.cpu());
    rows.Add("softnet", absl::StrCat(name, " processed"), cpu.processed());
    rows.Add("softnet", absl::StrCat(name, " dropped"), cpu.dropped());
    rows.Add("softnet", absl::StrCat(name, " time_squeeze"), cpu.time_squeeze());
  }
  if (host.has_open_files()) rows.Add("files", "open", host.open_files());
  if (host.has_most_open_files()) rows.Add("files", "most", host.most_open_files());
  for (const v1::ProcessFiles& process : host.processes()) {
    const std::string name = StackOwner(process.process());
    rows.Add("files", absl::StrCat(name, " open"), process.open_files());
    if (process.has_soft_limit()) {
      rows.Add("files", absl::StrCat(name, " soft_limit"), process.soft_limit());
    }
  }
  if (host.has_tcp_orphans()) rows.Add("sockstat", "TCP.orphan", host.tcp_orphans());
  if (host.has_tcp_sockets_allocated()) {
    rows.Add("sockstat", "TCP.alloc", host.tcp_sockets_allocated());
  }
  if (host.has_tcp_memory_pages()) rows.Add("sockstat", "TCP.mem", host.tcp_memory_pages());
  for (const v1::NeighbourTable& table : host.neighbours()) {
    rows.Add("neighbours", absl::StrCat(table.table(), " entries"), table.entries());
    rows.AddAll("neighbours", table.counters(), absl::StrCat(table.table(), " "));
    if (table.has_gc_thresh3()) {
      rows.Add("neighbours", absl::StrCat(table.table(), " gc_thresh3"), table.gc_thresh3());
    }
  }
}

void AddInterface(const v1::InterfaceStatistics& interface, Rows& rows) {
  const std::string name = absl::StrCat(interface.name(), " ");
  rows.Add("interfaces", absl::StrCat(name, "state"), interface.state());
  rows.Add("interfaces", absl::StrCat(name, "mtu"), interface.mtu());
  if (interface.has_speed_bits_per_second()) {
    rows.Add("interfaces", absl::StrCat(name, "speed_bits_per_second"),
             interface.speed_bits_per_second());
  }
  rows.AddAll("interfaces", interface.counters(), name);
  for (const v1::QdiscStatistics& qdisc : interface.qdiscs()) {
    const std::string of = absl::StrCat(name, qdisc.kind(), " ", qdisc.handle(), " ");
    rows.Add("qdiscs", absl::StrCat(of, "packets"), qdisc.packets());
    rows.Add("qdiscs", absl::StrCat(of, "drops"), qdisc.drops());
    rows.Add("qdiscs", absl::StrCat(of, "overlimits"), qdisc.overlimits());
    rows.Add("qdiscs", absl::StrCat(of, "requeues"), qdisc.requeues());
    rows.Add("qdiscs", absl::StrCat(of, "backlog_bytes"), qdisc.backlog_bytes());
  }
}

void AddSockets(const v1::SocketSummary& sockets, Rows& rows) {
  rows.AddAll("states", sockets.states());
  for (const v1::Listener& listener : sockets.listeners()) {
    const std::string name = absl::StrCat(StackEndpoint(listener.address(), listener.port()), " ");
    rows.Add("listeners", absl::StrCat(name, "accept_queue"), listener.accept_queue());
    rows.Add("listeners", absl::StrCat(name, "backlog"), listener.backlog());
    rows.Add("listeners", absl::StrCat(name, "syn_recv"), listener.syn_recv());
  }
  for (const v1::SocketGroup& group : sockets.local_ports()) {
    rows.Add("local_ports", absl::StrCat(group.local_port()), group.sockets());
  }
  for (const v1::SocketGroup& group : sockets.processes()) {
    rows.Add("processes", StackOwner(group.owner()), group.sockets());
  }
  for (const v1::SocketGroup& group : sockets.peers()) {
    rows.Add("peers", StackEndpoint(group.peer_address(), group.peer_port()), group.sockets());
  }
  for (const v1::SocketGroup& group : sockets.time_wait()) {
    rows.Add("time_wait",
             absl::StrCat(group.local_address(), " ",
                          StackEndpoint(group.peer_address(), group.peer_port())),
             group.sockets());
  }
  for (const v1::PortUse& use : sockets.port_use()) {
    const std::string name = absl::StrCat(use.local_address(), " ",
                                          StackEndpoint(use.peer_address(), use.peer_port()), " ");
    rows.Add("port_use", absl::StrCat(name, "used"), use.used());
    rows.Add("port_use", absl::StrCat(name, "usable"), use.usable());
  }
  if (sockets.has_port_range_low()) rows.Add("ports", "low", sockets.port_range_low());
  if (sockets.has_port_range_high()) rows.Add("ports", "high", sockets.port_range_high());
  rows.Add("ports", "reserved", sockets.ports_reserved());
  rows.Add("ports", "in_use", sockets.ports_in_use());
}

void AddNamespace(const v1::NamespaceStatistics& one, const v1::StackHost& host, Rows& rows) {
  if (one.has_sockets()) AddSockets(one.sockets(), rows);
  rows.AddAll("sockstat", one.levels());
  rows.AddAll("counters", one.counters());
  if (const v1::NamespaceStatistics* before = BeforeOf(one, host)) {
    for (const CounterMove& move : Moves(before->counters(), one.counters())) {
      if (!move.went_back()) rows.Add("moved", move.name, move.change());
    }
  }
  for (const v1::InterfaceStatistics& interface : one.interfaces()) AddInterface(interface, rows);
  rows.AddAll("neighbours", one.neighbours());
  if (one.conntrack().has_entries()) rows.Add("conntrack", "entries", one.conntrack().entries());
  if (one.conntrack().has_maximum()) rows.Add("conntrack", "maximum", one.conntrack().maximum());
  rows.AddAll("conntrack", one.conntrack().counters());
}

}  // namespace

CsvRow StackCsvHeader() { return {"host", "namespace", "section", "name", "value"}; }

std::vector<CsvRow> StackCsvRows(const v1::StackHost& host) {
  const v1::KernelSnapshot& now = LatestOf(host);
  Rows rows(host.name());
  rows.Add("snapshot", "time",
           absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(now.time().seconds()),
                            absl::UTCTimeZone()));
  const StackInterval interval = IntervalOf(host);
  if (interval.known()) rows.Add("snapshot", "interval_seconds", interval.seconds);
  if (!interval.why_not.empty()) rows.Add("snapshot", "no_rates", interval.why_not);
  AddHost(now.host(), rows);
  for (const v1::Sysctl& sysctl : host.sysctls()) {
    if (sysctl.has_value()) rows.Add("sysctls", sysctl::DottedKey(sysctl.key()), sysctl.value());
  }
  for (const v1::NamespaceStatistics& one : now.namespaces()) {
    rows.InNamespace(one.network_namespace());
    AddNamespace(one, host, rows);
  }
  for (const v1::MissingSource& missing : now.missing()) {
    rows.InNamespace(missing.network_namespace());
    rows.Add("missing", missing.source(), missing.why());
  }
  return rows.Take();
}

}  // namespace tcpfleet::controller
