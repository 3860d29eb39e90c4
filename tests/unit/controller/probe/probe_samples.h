// Tries and hosts for tests of the probe.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "tcpfleet/v1/diagnosis.pb.h"
#include "tcpfleet/v1/probe.pb.h"

namespace tcpfleet::tests {

inline v1::ProbeResponse Resolved(const std::vector<std::string>& addresses,
                                  double duration_us = 300) {
  v1::ProbeResponse response;
  response.mutable_resolution()->set_duration_us(duration_us);
  for (const std::string& address : addresses)
    response.mutable_resolution()->add_addresses(address);
  return response;
}

inline v1::ProbeResponse Unresolved(const std::string& error) {
  v1::ProbeResponse response;
  response.mutable_resolution()->set_duration_us(5e6);
  response.mutable_resolution()->set_error(error);
  return response;
}

inline v1::ProbeResponse Tried(const std::string& address, uint32_t number,
                               const std::string& outcome, double duration_us = 200,
                               const std::string& local = "10.0.0.2:40000") {
  v1::ProbeResponse response;
  v1::ProbeTry& one = *response.mutable_try_();
  one.set_address(address);
  one.set_number(number);
  one.set_outcome(outcome);
  one.set_duration_us(duration_us);
  one.set_local(local);
  if (outcome != "connected") return response;
  (*one.mutable_fields())["rtt"] = 180;
  (*one.mutable_fields())["snd_mss"] = 1'448;
  (*one.mutable_fields())["advmss"] = 1'448;
  for (const char* option : {"ts", "sack", "wscale:7,7"}) one.add_options(option);
  return response;
}

inline v1::ProbeResponse FoundMtu(const std::string& address, uint32_t bytes) {
  v1::ProbeResponse response;
  response.mutable_path_mtu()->set_address(address);
  response.mutable_path_mtu()->set_bytes(bytes);
  response.mutable_path_mtu()->set_confirmed(true);
  return response;
}

// A host before and after the tries: one listener of nginx on 0.0.0.0:80, nothing lost.
inline v1::HostEvidence ProbedHostEvidence(const std::string& name) {
  v1::HostEvidence evidence;
  evidence.set_name(name);
  for (int i = 0; i < 2; ++i) {
    v1::KernelSnapshot& snapshot = *evidence.add_snapshots();
    snapshot.set_boot_id("boot of " + name);
    snapshot.set_monotonic_ns((i + 1) * int64_t{1'000'000'000});
    v1::NamespaceStatistics& own = *snapshot.add_namespaces();
    own.set_network_namespace(4'026'531'840);
    for (const char* counter :
         {"TcpExt.ListenOverflows", "TcpExt.ListenDrops", "TcpExt.TCPReqQFullDrop"}) {
      (*own.mutable_counters())[counter] = 1'000;
    }
    (*own.mutable_conntrack()->mutable_counters())["drop"] = 7;
    if (i == 0) continue;
    v1::Listener& listener = *own.mutable_sockets()->add_listeners();
    listener.set_address("0.0.0.0");
    listener.set_port(80);
    listener.set_backlog(511);
    listener.set_cookie(1);
    listener.mutable_owner()->set_pid(812);
    listener.mutable_owner()->set_comm("nginx");
  }
  return evidence;
}

inline v1::NamespaceStatistics& AfterTries(v1::HostEvidence& evidence) {
  return *evidence.mutable_snapshots(1)->mutable_namespaces(0);
}

inline v1::Listener& AddProbedListener(v1::HostEvidence& evidence, const std::string& address,
                                       uint32_t port, const std::string& comm = "app") {
  v1::Listener& listener = *AfterTries(evidence).mutable_sockets()->add_listeners();
  listener.set_address(address);
  listener.set_port(port);
  listener.set_backlog(128);
  listener.set_cookie(port + 2);
  listener.mutable_owner()->set_pid(99);
  listener.mutable_owner()->set_comm(comm);
  return listener;
}

// Five tries of 10.0.0.5 that ended alike.
inline v1::ProbePath ProbedPath(const std::string& outcome,
                                const std::string& address = "10.0.0.5") {
  v1::ProbePath path;
  path.set_agent("client");
  path.set_address(address);
  for (uint32_t number = 1; number <= 5; ++number) {
    *path.add_single_tries() = Tried(address, number, outcome).try_();
  }
  path.set_tries(5);
  path.set_resolution_us(300);
  if (outcome != "connected") {
    (*path.mutable_failed())[outcome] = 5;
    return path;
  }
  path.set_connected(5);
  *path.mutable_options() = path.single_tries(4).options();
  *path.mutable_fields() = path.single_tries(4).fields();
  v1::Distribution& latency = *path.mutable_connect_latency_us();
  latency.set_count(5);
  latency.set_min(180);
  latency.set_p50(200);
  latency.set_max(900);
  return path;
}

}  // namespace tcpfleet::tests
