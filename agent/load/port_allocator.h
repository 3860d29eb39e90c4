// Where connections come from: source addresses in turn and, where that pays, ports we choose
// ourselves. The kernel searches for a free port by walking over the used ones: beyond half of the
// range that costs more than the rest of the connection.
//
//   PortAllocator ports(plan, index);
//   int error = ports.Connect(fd, target, address, slot.lease);  // in place of sys::Connect
//   ...
//   ports.Release(slot.lease);  // together with close()
//
// Threads: one allocator per load thread; each n-th of the usable ports is its own.
// Bounds:  one bit per port for each source and destination that has been used.
// Source:  ip(7): IP_LOCAL_PORT_RANGE (Linux 6.3), IP_BIND_ADDRESS_NO_PORT;
//          net/ipv4/inet_hashtables.c, __inet_hash_connect.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/load/socket_options.h"
#include "common/base/ip_address.h"
#include "common/sys/socket_address.h"

namespace tcpfleet::agent {

struct RunPlan;

// What the threads of a run share.
struct PortPlan {
  std::vector<base::IpAddress> sources;  // empty: the kernel's choice
  std::vector<sys::SocketAddress> sources_v4;
  std::vector<sys::SocketAddress> sources_v6;
  bool own_choice = false;
  bool has_range_option = false;  // IP_LOCAL_PORT_RANGE
  std::vector<uint16_t> usable;   // with own_choice
  // By target and address of the plan; equal endpoints have equal numbers.
  std::vector<std::vector<uint32_t>> destinations;
};

// Fills plan.ports of a client whose targets are resolved. Addresses of targets that no source can
// reach, for want of one of their family, are taken out. InvalidArgument for bad sources and for a
// target without an address left.
absl::Status PlanPorts(RunPlan& plan);

// A port in use. Empty when the kernel chose it.
struct PortLease {
  uint32_t pool = kNoPool;
  uint32_t place = 0;

  static constexpr uint32_t kNoPool = ~uint32_t{0};
};

// Places 0 to n - 1, dealt out in turn, so that one that was given back rests as long as possible.
class PortPool {
 public:
  // Begins at `first`.
  PortPool(uint32_t places, uint32_t first);

  bool empty() const { return free_count_ == 0; }
  // Must not be empty.
  uint32_t Take();
  void GiveBack(uint32_t place);

 private:
  std::vector<uint64_t> free_;  // one bit each
  uint32_t free_count_;
  uint32_t next_;  // where the search goes on
};

class PortAllocator {
 public:
  // Ports that turn out to be used by others are passed over, at most so many per connection; then
  // the kernel is asked to find one.
  static constexpr int kMostTries = 64;

  // `plan` outlives the allocator.
  PortAllocator(const RunPlan& plan, uint32_t worker);

  // connect() to an address of a target, from the next source. 0 or the errno; EADDRNOTAVAIL when
  // there is no port left. After success and EINPROGRESS `lease` is to be given back.
  int Connect(int fd, uint32_t target, uint32_t address, PortLease& lease);

  // Makes `lease` empty. Empty ones are fine.
  void Release(PortLease& lease);

 private:
  int ConnectFromPool(int fd, const sys::SocketAddress* source, uint32_t pool,
                      const sys::SocketAddress& to, PortLease& lease);
  int ConnectFromPort(int fd, const sys::SocketAddress* source, uint16_t port,
                      const sys::SocketAddress& to) const;
  int ConnectByKernel(int fd, const sys::SocketAddress* source, const sys::SocketAddress& to) const;
  int Reopen(int fd, int family) const;
  uint32_t PoolOf(uint32_t destination, uint32_t source);
  uint16_t PortAt(uint32_t place) const;

  const RunPlan& plan_;
  const TestSocketOptions options_;
  const uint32_t worker_;
  uint32_t turn_;  // of the sources
  absl::flat_hash_map<uint64_t, uint32_t> pool_numbers_;
  std::vector<PortPool> pools_;
};

}  // namespace tcpfleet::agent
