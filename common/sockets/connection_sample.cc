#include "common/sockets/connection_sample.h"

namespace tcpfleet::sockets {
namespace {

template <class Value>
bool SameTarget(const std::shared_ptr<const Value>& a, const std::shared_ptr<const Value>& b) {
  return a == b || (a != nullptr && b != nullptr && *a == *b);
}

template <class Value>
bool Learned(const std::optional<Value>& known, const std::optional<Value>& now) {
  return now.has_value() && now != known;
}

template <class Value>
bool Learned(const std::shared_ptr<const Value>& known, const std::shared_ptr<const Value>& now) {
  return now != nullptr && !SameTarget(known, now);
}

bool Learned(const std::string& known, const std::string& now) {
  return !now.empty() && now != known;
}

}  // namespace

bool SaysMore(const ConnectionIdentity& known, const ConnectionIdentity& now) {
  return now.local != known.local || now.remote != known.remote ||
         now.interface != known.interface || (now.inode != 0 && now.inode != known.inode) ||
         Learned(known.uid, now.uid) || Learned(known.process, now.process) ||
         Learned(known.cgroup_id, now.cgroup_id) || Learned(known.cgroup, now.cgroup) ||
         Learned(known.congestion_control, now.congestion_control);
}

bool ConnectionIdentity::operator==(const ConnectionIdentity& other) const {
  return cookie == other.cookie && network_namespace == other.network_namespace &&
         local == other.local && remote == other.remote && interface == other.interface &&
         uid == other.uid && inode == other.inode && cgroup_id == other.cgroup_id &&
         congestion_control == other.congestion_control && SameTarget(process, other.process) &&
         SameTarget(cgroup, other.cgroup);
}

void ReadTcpInfoInto(absl::Span<const std::byte> raw, int64_t monotonic_ns,
                     ConnectionSample& sample) {
  sample.values.SetTcpInfo(raw, monotonic_ns);
  sample.tcp_info_tail.clear();
  if (raw.size() > kTcpInfoBytes) {
    const absl::Span<const std::byte> tail = raw.subspan(kTcpInfoBytes);
    sample.tcp_info_tail.assign(reinterpret_cast<const char*>(tail.data()), tail.size());
  }
}

}  // namespace tcpfleet::sockets
