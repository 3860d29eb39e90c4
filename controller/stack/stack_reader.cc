#include "controller/stack/stack_reader.h"

#include <utility>

#include "controller/fleet/failure.h"
#include "controller/fleet/kernel_snapshots.h"

namespace tcpfleet::controller {
namespace {

// Those that bound connections, ports, queues, buffers and timers.
constexpr const char* kParameters[] = {
    "fs/file-max",
    "net/core/default_qdisc",
    "net/core/netdev_max_backlog",
    "net/core/rmem_max",
    "net/core/somaxconn",
    "net/core/wmem_max",
    "net/ipv4/ip_local_port_range",
    "net/ipv4/ip_local_reserved_ports",
    "net/ipv4/tcp_congestion_control",
    "net/ipv4/tcp_fin_timeout",
    "net/ipv4/tcp_keepalive_intvl",
    "net/ipv4/tcp_keepalive_probes",
    "net/ipv4/tcp_keepalive_time",
    "net/ipv4/tcp_max_orphans",
    "net/ipv4/tcp_max_syn_backlog",
    "net/ipv4/tcp_max_tw_buckets",
    "net/ipv4/tcp_mem",
    "net/ipv4/tcp_retries2",
    "net/ipv4/tcp_rmem",
    "net/ipv4/tcp_sack",
    "net/ipv4/tcp_slow_start_after_idle",
    "net/ipv4/tcp_syn_retries",
    "net/ipv4/tcp_syncookies",
    "net/ipv4/tcp_timestamps",
    "net/ipv4/tcp_tw_reuse",
    "net/ipv4/tcp_window_scaling",
    "net/ipv4/tcp_wmem",
};

}  // namespace

void StackReader::Fail(Member& member, const absl::Status& status) {
  if (status.ok() || !member.failure.ok()) return;
  member.failure = status;
  member.failed_later = member.first.has_value();
}

void StackReader::Introduce(base::Clock& clock, const std::stop_token& stop) {
  std::vector<Hello> hellos = SayHello(fleet_, clock, stop);
  v1::ReadSysctlsRequest request;
  for (const char* key : kParameters) request.add_patterns(key);
  sysctls_ = ReadSysctls(fleet_, request, stop);
  for (size_t i = 0; i < members_.size(); ++i) {
    Fail(members_[i], hellos[i].host.status());
    if (hellos[i].host.ok()) members_[i].host = *std::move(hellos[i].host);
    Fail(members_[i], sysctls_[i].status);
  }
}

void StackReader::TakeRound(const std::stop_token& stop) {
  auto snapshots = SnapshotKernels(fleet_, request_, stop);
  for (size_t i = 0; i < members_.size(); ++i) {
    Member& member = members_[i];
    member.before = std::exchange(member.latest, std::nullopt);
    Fail(member, snapshots[i].status());
    if (!snapshots[i].ok()) continue;
    member.latest = *std::move(snapshots[i]);
    if (!member.first) member.first = member.latest;
  }
}

v1::StackHost StackReader::HostOf(size_t index, const v1::KernelSnapshot& first) const {
  v1::StackHost host;
  host.set_name(fleet_.members()[index].target.name);
  *host.mutable_host() = members_[index].host;
  *host.mutable_first() = first;
  for (const v1::Sysctl& sysctl : sysctls_[index].sysctls) *host.add_sysctls() = sysctl;
  return host;
}

std::vector<v1::StackHost> StackReader::LatestRound() const {
  std::vector<v1::StackHost> hosts;
  for (size_t i = 0; i < members_.size(); ++i) {
    const Member& member = members_[i];
    if (!member.latest) continue;
    hosts.push_back(HostOf(i, member.before ? *member.before : *member.latest));
    if (member.before) *hosts.back().mutable_last() = *member.latest;
  }
  return hosts;
}

v1::StackReport StackReader::Whole() const {
  v1::StackReport report;
  for (size_t i = 0; i < members_.size(); ++i) {
    const Member& member = members_[i];
    if (!member.failure.ok()) {
      *report.add_failures() =
          DescribeFailure(fleet_.members()[i].target, member.failure,
                          member.failed_later ? CallPhase::kUnderWay : CallPhase::kFirstAnswer);
    }
    if (!member.first) continue;
    v1::StackHost& host = *report.add_hosts();
    host = HostOf(i, *member.first);
    const auto& last = member.latest ? member.latest : member.before;
    if (last && last->monotonic_ns() != member.first->monotonic_ns()) *host.mutable_last() = *last;
  }
  return report;
}

}  // namespace tcpfleet::controller
