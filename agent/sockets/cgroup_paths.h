// Paths of cgroups (v2) by the id the kernel reports for a socket: the inode number of the cgroup's
// directory.
//
// Walks the cgroup2 mount when asked for an id it does not know: at most once per second and for at
// most 5 % of the time. An id that a walk did not find is gone, or lies outside what this process
// may see; it is not looked for again, because the kernel does not reuse ids.
//
// Threads: not thread-safe, but for Describe.
// Errors:  none; what cannot be read is unknown.
// Bounds:  kMostCgroups directories per walk.
// Source:  cgroups(7); cgroup_id() of linux/cgroup.h.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "tcpfleet/v1/host.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostCgroups = size_t{1} << 16;

class CgroupPaths {
 public:
  // `clock` must outlive this.
  explicit CgroupPaths(const base::Clock* clock, std::string mountinfo = "/proc/self/mountinfo");

  // Path below the cgroup2 mount, "/" for its root. Null while unknown: ask again later.
  std::shared_ptr<const std::string> Find(uint64_t cgroup_id);

  // Collector "cgroups".
  static v1::Collector Describe(const std::string& mountinfo = "/proc/self/mountinfo");

 private:
  void Walk();

  const base::Clock* const clock_;
  const std::string mountinfo_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<const std::string>> paths_;
  absl::flat_hash_set<uint64_t> missing_;
  int64_t next_walk_ns_ = 0;
};

}  // namespace tcpfleet::agent
