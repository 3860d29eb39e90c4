// A NETLINK_SOCK_DIAG socket for every network namespace of the host that this process may enter.
//
//   TF_RETURN_IF_ERROR(namespaces.Refresh(absl::Seconds(1)));
//   for (NetNamespaces::Member& member : namespaces.members()) member.socket.Dump(...);
//
// Namespaces are found through the processes in them and through their mounts (/run/netns and those
// of container engines). A socket keeps its namespace alive, so one that is found no longer is let
// go of at the next Refresh.
//
// Threads: not thread-safe, but for Describe. Sockets are opened on threads of their own; the
//          caller's namespace never changes.
// Bounds:  kMostNamespaces; those beyond are not sampled. One that cannot be entered is tried again
//          after a minute.
// Source:  setns(2), namespaces(7).
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/netlink/netlink_socket.h"
#include "tcpfleet/v1/host.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostNamespaces = 1024;

class NetNamespaces {
 public:
  struct Member {
    uint64_t inode = 0;
    netlink::NetlinkSocket socket;
  };
  // Opens the socket in the namespace behind a path such as /proc/PID/ns/net; NotFound when the
  // path leads to another one than `inode` now.
  using Open = std::function<absl::StatusOr<netlink::NetlinkSocket>(const std::string& path,
                                                                    uint64_t inode)>;

  // The namespaces there are, entered or not.
  struct Found {
    uint64_t own = 0;
    absl::btree_map<uint64_t, std::string> paths;  // by inode
    size_t hidden = 0;                             // processes whose namespace is not told
  };
  static absl::StatusOr<Found> Find(const std::string& proc_root);
  // By inode, those that ip-netns(8) has given a name.
  static absl::btree_map<uint64_t, std::string> Names(const std::string& proc_root);

  // `clock` must outlive this.
  explicit NetNamespaces(const base::Clock* clock, std::string proc_root = "/proc",
                         Open open = OpenInside);

  // Brings members() up to date unless that was done less than `max_age` ago. Fails when the own
  // namespace has no socket.
  absl::Status Refresh(absl::Duration max_age);

  // The own namespace first, then ascending by inode. Valid until the next Refresh or Drop.
  absl::Span<Member> members() { return absl::MakeSpan(members_); }

  // After an error of its socket. The next Refresh opens a new one, whatever its `max_age`.
  void Drop(uint64_t inode);

  // Collector "namespaces": how many cannot be entered, and what would help. Tries every one, so
  // not for every poll.
  static v1::Collector Describe();

  static absl::StatusOr<netlink::NetlinkSocket> OpenInside(const std::string& path, uint64_t inode);

 private:
  bool Has(uint64_t inode) const;

  const base::Clock* const clock_;
  const std::string proc_root_;
  const Open open_;
  std::vector<Member> members_;
  absl::flat_hash_map<uint64_t, int64_t> retry_at_ns_;  // by inode, of those that were refused
  size_t hidden_ = 0;
  int64_t refreshed_at_ns_ = 0;
  bool is_stale_ = true;
};

}  // namespace tcpfleet::agent
