// Hand-made answers of kernels.
#pragma once

#include <string>

#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

inline v1::SocketOwner Owner(uint32_t pid, const std::string& comm) {
  v1::SocketOwner owner;
  owner.set_pid(pid);
  owner.set_comm(comm);
  return owner;
}

inline void AddListener(v1::SocketSummary& sockets, const std::string& address, uint32_t port,
                        uint32_t waiting, uint32_t backlog, uint32_t syn_recv = 0) {
  v1::Listener& listener = *sockets.add_listeners();
  listener.set_address(address);
  listener.set_port(port);
  listener.set_accept_queue(waiting);
  listener.set_backlog(backlog);
  listener.set_syn_recv(syn_recv);
  *listener.mutable_owner() = Owner(101, "nginx");
}

inline void AddPortUse(v1::SocketSummary& sockets, const std::string& peer, uint32_t used) {
  v1::PortUse& use = *sockets.add_port_use();
  use.set_local_address("10.0.0.1");
  use.set_peer_address(peer);
  use.set_peer_port(5432);
  use.set_used(used);
  use.set_usable(28'232);
  use.set_time_wait(used / 2);
  *use.mutable_owner() = Owner(202, "api");
}

inline void FillSockets(v1::SocketSummary& sockets) {
  (*sockets.mutable_states())["ESTAB"] = 812;
  (*sockets.mutable_states())["LISTEN"] = 3;
  (*sockets.mutable_states())["TIME-WAIT"] = 41'000;
  AddListener(sockets, "0.0.0.0", 80, 129, 128, 4);
  AddListener(sockets, "::", 443, 95, 128);
  AddListener(sockets, "127.0.0.1", 9100, 0, 4096);
  v1::SocketGroup& port = *sockets.add_local_ports();
  port.set_local_port(80);
  port.set_sockets(700);
  *port.mutable_owner() = Owner(101, "nginx");
  (*port.mutable_states())["ESTAB"] = 690;
  (*port.mutable_states())["FIN-WAIT-2"] = 10;
  v1::SocketGroup& process = *sockets.add_processes();
  *process.mutable_owner() = Owner(101, "nginx");
  process.set_sockets(702);
  (*process.mutable_states())["ESTAB"] = 702;
  v1::SocketGroup& peer = *sockets.add_peers();
  peer.set_peer_address("2001:db8::5");
  peer.set_peer_port(5432);
  peer.set_sockets(110);
  (*peer.mutable_states())["ESTAB"] = 110;
  v1::SocketGroup& waiting = *sockets.add_time_wait();
  waiting.set_local_address("10.0.0.1");
  waiting.set_peer_address("10.0.0.9");
  waiting.set_peer_port(5432);
  waiting.set_sockets(20'000);
  AddPortUse(sockets, "10.0.0.9", 28'232);
  AddPortUse(sockets, "10.0.0.10", 19'800);
  AddPortUse(sockets, "10.0.0.11", 12);
  sockets.set_port_range_low(32'768);
  sockets.set_port_range_high(60'999);
  sockets.set_ports_in_use(28'232);
  sockets.set_unattributed(3);
}

inline void FillInterface(v1::InterfaceStatistics& interface, uint64_t bytes, uint64_t drops) {
  interface.set_index(2);
  interface.set_name("eth0");
  interface.set_state("UP");
  interface.set_mtu(1500);
  interface.set_speed_bits_per_second(10'000'000'000);
  auto& counters = *interface.mutable_counters();
  counters["rx_bytes"] = bytes;
  counters["tx_bytes"] = 2 * bytes;
  counters["rx_errors"] = 0;
  counters["tx_errors"] = 0;
  counters["rx_dropped"] = drops;
  counters["tx_dropped"] = 0;
  v1::QdiscStatistics& root = *interface.add_qdiscs();
  root.set_kind("mq");
  root.set_handle("0:");
  root.set_parent("root");
  v1::QdiscStatistics& leaf = *interface.add_qdiscs();
  leaf.set_kind("fq_codel");
  leaf.set_handle("0:");
  leaf.set_parent(":1");
  leaf.set_drops(7);
  leaf.set_backlog_bytes(3'028);
}

inline void FillHost(v1::HostStatistics& host) {
  v1::SoftnetCpu& cpu = *host.add_softnet();
  cpu.set_processed(1'000'000);
  cpu.set_dropped(0);
  cpu.set_time_squeeze(12);
  host.set_tcp_orphans(5'000);
  host.set_tcp_memory_pages(4'096);
  host.set_page_bytes(4'096);
  host.set_open_files(3'112);
  host.set_most_open_files(2'466'177);
  v1::ProcessFiles& process = *host.add_processes();
  *process.mutable_process() = Owner(101, "nginx");
  process.set_open_files(980);
  process.set_soft_limit(1'024);
  host.set_load_1m(17.5);
  host.set_load_5m(4);
  host.set_load_15m(1.25);
  host.set_tasks_running(9);
  host.set_tasks(311);
  host.set_cpus(8);
  host.set_memory_bytes(16'000'000'000);
  host.set_available_memory_bytes(12'300'000'000);
  v1::PressureStall& stall = *host.add_pressure();
  stall.set_resource("cpu");
  stall.set_share_10s(0.021);
  host.set_uptime_seconds(273'600);
}

// One host that has nearly every trouble.
inline v1::KernelSnapshot BusySnapshot() {
  v1::KernelSnapshot snapshot;
  snapshot.mutable_time()->set_seconds(1'700'000'000);
  snapshot.set_monotonic_ns(1'000'000'000'000);
  snapshot.set_boot_id("b");
  FillHost(*snapshot.mutable_host());
  v1::NamespaceStatistics& own = *snapshot.add_namespaces();
  own.set_network_namespace(4'026'531'840);
  auto& counters = *own.mutable_counters();
  counters["Tcp.ActiveOpens"] = 1'000;
  counters["Tcp.OutSegs"] = 500'000;
  counters["Tcp.RetransSegs"] = 40;
  counters["TcpExt.ListenOverflows"] = 18;
  counters["TcpExt.TCPSynRetrans"] = 0;
  counters["TcpExt.TCPPureAcks"] = 7'000;
  (*own.mutable_levels())["TCP.inuse"] = 812;
  (*own.mutable_levels())["TCP6.inuse"] = 3;
  (*own.mutable_levels())["TCP.tw"] = 41'000;
  own.mutable_conntrack()->set_entries(200'000);
  own.mutable_conntrack()->set_maximum(262'144);
  (*own.mutable_conntrack()->mutable_counters())["drop"] = 0;
  FillInterface(*own.add_interfaces(), 1'000'000, 4);
  (*own.mutable_neighbours())["ipv4 REACHABLE"] = 12;
  FillSockets(*own.mutable_sockets());
  return snapshot;
}

// Ten seconds later.
inline v1::KernelSnapshot LaterSnapshot() {
  v1::KernelSnapshot snapshot = BusySnapshot();
  snapshot.mutable_time()->set_seconds(1'700'000'010);
  snapshot.set_monotonic_ns(1'010'000'000'000);
  v1::NamespaceStatistics& own = *snapshot.mutable_namespaces(0);
  auto& counters = *own.mutable_counters();
  counters["Tcp.ActiveOpens"] = 2'204;
  counters["Tcp.OutSegs"] = 600'000;
  counters["Tcp.RetransSegs"] = 4'040;
  counters["TcpExt.ListenOverflows"] = 3;
  counters["TcpExt.TCPPureAcks"] = 9'000;
  (*own.mutable_sockets()->mutable_states())["ESTAB"] = 790;
  v1::InterfaceStatistics& interface = *own.mutable_interfaces(0);
  (*interface.mutable_counters())["rx_bytes"] = 13'500'000;
  interface.mutable_qdiscs(1)->set_drops(9);
  return snapshot;
}

inline v1::StackHost BusyHost() {
  v1::StackHost host;
  host.set_name("web1");
  host.mutable_host()->set_kernel("6.1.0-30-amd64");
  *host.mutable_first() = BusySnapshot();
  v1::Sysctl& orphans = *host.add_sysctls();
  orphans.set_key("net/ipv4/tcp_max_orphans");
  orphans.set_value("8192");
  return host;
}

// A kernel that says next to nothing.
inline v1::StackHost MuteHost() {
  v1::StackHost host;
  host.set_name("db1");
  host.mutable_first()->set_boot_id("c");
  host.mutable_first()->add_namespaces()->set_network_namespace(7);
  v1::MissingSource& host_wide = *host.mutable_first()->add_missing();
  host_wide.set_source("/proc/pressure");
  host_wide.set_why("not on this kernel");
  v1::MissingSource& of_namespace = *host.mutable_first()->add_missing();
  of_namespace.set_source("inet_diag");
  of_namespace.set_why("Operation not permitted");
  of_namespace.set_network_namespace(7);
  return host;
}

}  // namespace tcpfleet::controller
