#include "common/sockets/connection_sample.h"

namespace tcpfleet::sockets {
namespace {

template <class Value>
bool SameTarget(const std::shared_ptr<const Value>& a, const std::shared_ptr<const Value>& b) {
  return a == b || (a != nullptr && b != nullptr && *a == *b);
}

}  // namespace

bool ConnectionIdentity::operator==(const ConnectionIdentity& other) const {
  return cookie == other.cookie && network_namespace == other.network_namespace &&
         local == other.local && remote == other.remote && interface == other.interface &&
         uid == other.uid && inode == other.inode && cgroup_id == other.cgroup_id &&
         congestion_control == other.congestion_control && SameTarget(process, other.process) &&
         SameTarget(cgroup, other.cgroup);
}

}  // namespace tcpfleet::sockets
