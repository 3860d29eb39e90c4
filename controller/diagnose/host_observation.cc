#include "controller/diagnose/host_observation.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "common/base/status_macros.h"
#include "common/sysctl/key.h"
#include "common/sysctl/value.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kSockets = "inet_diag";

absl::Status Unknown(absl::string_view why) { return absl::FailedPreconditionError(why); }

absl::string_view SourceOfCounter(absl::string_view counter) {
  for (const absl::string_view table : {"TcpExt.", "IpExt.", "MPTcpExt."}) {
    if (absl::StartsWith(counter, table)) return "/proc/net/netstat";
  }
  for (const absl::string_view table : {"Ip6.", "Icmp6.", "Udp6.", "UdpLite6."}) {
    if (absl::StartsWith(counter, table)) return "/proc/net/snmp6";
  }
  return "/proc/net/snmp";
}

absl::string_view SourceOfLevel(absl::string_view level) {
  if (absl::StartsWith(level, "Tcp.")) return "/proc/net/snmp";
  if (absl::StartsWith(level, "TCP6.")) return "/proc/net/sockstat6";
  return "/proc/net/sockstat";
}

const v1::MissingSource* FindMissing(
    const google::protobuf::RepeatedPtrField<v1::MissingSource>& missing, absl::string_view source,
    uint64_t network_namespace) {
  for (const v1::MissingSource& one : missing) {
    if (one.source() != std::string(source)) continue;
    if (one.network_namespace() == 0 || one.network_namespace() == network_namespace) return &one;
  }
  return nullptr;
}

}  // namespace

size_t CounterChange::IntervalsAtLeast(double per_second) const {
  return static_cast<size_t>(std::count_if(
      rates.begin(), rates.end(), [&](double rate) { return rate > 0 && rate >= per_second; }));
}

std::optional<uint64_t> ValueOf(const v1::ConnectionRecord& record, absl::string_view field) {
  const auto found = record.fields().find(std::string(field));
  if (found == record.fields().end()) return std::nullopt;
  return found->second;
}

double ConnectionHistory::seconds() const {
  return static_cast<double>(samples.back().monotonic_ns - samples.front().monotonic_ns) / 1e9;
}

std::optional<uint64_t> ConnectionHistory::Value(absl::string_view field) const {
  return ValueOf(last(), field);
}

std::optional<uint64_t> ConnectionHistory::Growth(absl::string_view field) const {
  const std::optional<uint64_t> before = ValueOf(*samples.front().record, field);
  const std::optional<uint64_t> after = Value(field);
  if (!before || !after || *after < *before) return std::nullopt;
  return *after - *before;
}

std::optional<double> ConnectionHistory::SecondsSince(absl::string_view field) const {
  const std::optional<uint64_t> at_ms = Value(field);
  if (!at_ms) return std::nullopt;
  const double now_ms = static_cast<double>(samples.back().monotonic_ns) / 1e6;
  return std::max(0.0, now_ms - static_cast<double>(*at_ms)) / 1e3;
}

std::vector<uint64_t> NamespacesOf(const v1::HostEvidence& evidence) {
  std::vector<uint64_t> inodes;
  if (evidence.snapshots().empty()) return {0};
  for (const v1::NamespaceStatistics& one : evidence.snapshots().rbegin()->namespaces()) {
    if (std::find(inodes.begin(), inodes.end(), one.network_namespace()) == inodes.end()) {
      inodes.push_back(one.network_namespace());
    }
  }
  if (inodes.empty()) inodes.push_back(0);
  return inodes;
}

HostObservation::HostObservation(const v1::HostEvidence& evidence, uint64_t network_namespace)
    : evidence_(evidence),
      network_namespace_(network_namespace),
      is_own_(NamespacesOf(evidence).front() == network_namespace),
      window_(CheckWindow()) {
  ReadSockets();
  ReadConnections();
}

const v1::NamespaceStatistics* HostObservation::NamespaceIn(
    const v1::KernelSnapshot& snapshot) const {
  for (const v1::NamespaceStatistics& one : snapshot.namespaces()) {
    if (one.network_namespace() == network_namespace_) return &one;
  }
  return nullptr;
}

absl::Status HostObservation::CheckWindow() const {
  if (evidence_.snapshots_size() < 2) {
    return Unknown("change needs two snapshots of the kernel's counters at least");
  }
  const v1::KernelSnapshot* before = nullptr;
  for (const v1::KernelSnapshot& snapshot : evidence_.snapshots()) {
    if (before != nullptr) {
      if (snapshot.boot_id() != before->boot_id()) {
        return Unknown("the host was started anew in between");
      }
      if (snapshot.monotonic_ns() <= before->monotonic_ns()) {
        return Unknown("snapshots are not in the order of their time");
      }
    }
    before = &snapshot;
  }
  return absl::OkStatus();
}

double HostObservation::seconds() const {
  if (!window_.ok()) return 0;
  return static_cast<double>(evidence_.snapshots().rbegin()->monotonic_ns() -
                             evidence_.snapshots().begin()->monotonic_ns()) /
         1e9;
}

std::string HostObservation::NamespaceName() const {
  if (is_own_) return "";
  const v1::NamespaceStatistics* const last = NamespaceIn(*evidence_.snapshots().rbegin());
  if (last != nullptr && !last->name().empty()) return last->name();
  return absl::StrCat("netns ", network_namespace_);
}

absl::Status HostObservation::Missing(absl::string_view source) const {
  const v1::MissingSource* missing = FindMissing(evidence_.missing(), source, network_namespace_);
  for (const v1::KernelSnapshot& snapshot : evidence_.snapshots()) {
    if (missing == nullptr) missing = FindMissing(snapshot.missing(), source, network_namespace_);
  }
  return Unknown(
      absl::StrCat(source, ": ", missing == nullptr ? "was not reported" : missing->why()));
}

absl::StatusOr<CounterChange> HostObservation::ChangeOf(absl::string_view source,
                                                        absl::string_view name,
                                                        const Reader& read) const {
  TF_RETURN_IF_ERROR(window_);
  CounterChange change{.source = std::string(source), .name = std::string(name), .rates = {}};
  const v1::KernelSnapshot* before = nullptr;
  for (const v1::KernelSnapshot& snapshot : evidence_.snapshots()) {
    const v1::NamespaceStatistics* const statistics = NamespaceIn(snapshot);
    if (statistics == nullptr) return Unknown("the network namespace is not in every snapshot");
    const std::optional<uint64_t> value = read(snapshot, *statistics);
    if (!value) {
      const absl::Status missing = Missing(source);
      return Unknown(absl::StrCat(name, ": ", missing.message()));
    }
    if (before == nullptr) {
      change.before = *value;
    } else {
      if (*value < change.after) return Unknown(absl::StrCat(name, " was set back in between"));
      const auto interval_ns =
          static_cast<double>(snapshot.monotonic_ns() - before->monotonic_ns());
      change.rates.push_back(static_cast<double>(*value - change.after) * 1e9 / interval_ns);
    }
    change.after = *value;
    before = &snapshot;
  }
  change.seconds = seconds();
  return change;
}

absl::StatusOr<CounterChange> HostObservation::Change(absl::string_view counter) const {
  const std::string name(counter);
  return ChangeOf(SourceOfCounter(counter), counter,
                  [&](const v1::KernelSnapshot&,
                      const v1::NamespaceStatistics& statistics) -> std::optional<uint64_t> {
                    const auto found = statistics.counters().find(name);
                    if (found == statistics.counters().end()) return std::nullopt;
                    return found->second;
                  });
}

absl::StatusOr<CounterChange> HostObservation::ConntrackChange(absl::string_view counter) const {
  const std::string name(counter);
  return ChangeOf("/proc/net/stat/nf_conntrack", counter,
                  [&](const v1::KernelSnapshot&,
                      const v1::NamespaceStatistics& statistics) -> std::optional<uint64_t> {
                    const auto found = statistics.conntrack().counters().find(name);
                    if (found == statistics.conntrack().counters().end()) return std::nullopt;
                    return found->second;
                  });
}

absl::StatusOr<const v1::NamespaceStatistics*> HostObservation::Namespace() const {
  if (evidence_.snapshots().empty()) return Unknown("no snapshot of the kernel's counters");
  const v1::NamespaceStatistics* const last = NamespaceIn(*evidence_.snapshots().rbegin());
  if (last == nullptr) return Unknown("the network namespace was not read");
  return last;
}

absl::StatusOr<int64_t> HostObservation::Level(absl::string_view name) const {
  TF_ASSIGN_OR_RETURN(const v1::NamespaceStatistics* const last, Namespace());
  const auto found = last->levels().find(std::string(name));
  if (found != last->levels().end()) return found->second;
  const absl::Status missing = Missing(SourceOfLevel(name));
  return Unknown(absl::StrCat(name, ": ", missing.message()));
}

absl::StatusOr<const v1::SocketSummary*> HostObservation::LastSummary() const {
  TF_ASSIGN_OR_RETURN(const v1::NamespaceStatistics* const last, Namespace());
  if (!last->has_sockets()) return Missing(kSockets);
  return &last->sockets();
}

absl::StatusOr<const v1::SocketSummary*> HostObservation::Sockets() const {
  TF_ASSIGN_OR_RETURN(const v1::SocketSummary* const last, LastSummary());
  if (last->listeners_only()) return Unknown("the last snapshot looked at listeners only");
  return last;
}

absl::Status HostObservation::LookedAtLeast(double times) const {
  TF_RETURN_IF_ERROR(window_);
  if (static_cast<double>(looks_.size()) >= times) return absl::OkStatus();
  const auto& snapshots = evidence_.snapshots();
  const bool is_costly =
      std::any_of(snapshots.begin(), snapshots.end(), [&](const v1::KernelSnapshot& snapshot) {
        const v1::NamespaceStatistics* const statistics = NamespaceIn(snapshot);
        return statistics != nullptr && statistics->sockets().listeners_only();
      });
  return Unknown(absl::StrCat("judged by at least ", times, " looks at all sockets, not by ",
                              looks_.size(),
                              is_costly ? ": looking costs much CPU time on this host" : ""));
}

absl::StatusOr<const v1::HostStatistics*> HostObservation::Host() const {
  if (evidence_.snapshots().empty()) return Unknown("no snapshot of the kernel's counters");
  if (!evidence_.snapshots().rbegin()->has_host()) return Unknown("nothing is known of the host");
  return &evidence_.snapshots().rbegin()->host();
}

void HostObservation::ReadSockets() {
  // Cookies tell listeners of one address apart, and a restarted one from the one before.
  std::map<std::tuple<std::string, uint32_t, uint64_t>, ListenerHistory> histories;
  size_t index = 0;
  for (const v1::KernelSnapshot& snapshot : evidence_.snapshots()) {
    const v1::NamespaceStatistics* const statistics = NamespaceIn(snapshot);
    if (statistics == nullptr || !statistics->has_sockets()) continue;
    ++index;
    if (!statistics->sockets().listeners_only()) {
      looks_.push_back({snapshot.monotonic_ns(), &statistics->sockets()});
    }
    for (const v1::Listener& listener : statistics->sockets().listeners()) {
      ListenerHistory& history =
          histories[{listener.address(), listener.port(), listener.cookie()}];
      history.samples.resize(index);
      history.samples.back() = &listener;
      history.last = &listener;
    }
  }
  for (auto& [key, history] : histories) {
    history.samples.resize(index);
    listeners_.push_back(std::move(history));
  }
}

absl::StatusOr<absl::Span<const ListenerHistory>> HostObservation::Listeners() const {
  TF_RETURN_IF_ERROR(LastSummary().status());
  return absl::MakeConstSpan(listeners_);
}

absl::Status HostObservation::ListenersComplete() const {
  TF_ASSIGN_OR_RETURN(const v1::SocketSummary* const sockets, LastSummary());
  if (sockets->listeners_dropped() == 0) return absl::OkStatus();
  return Unknown(absl::StrCat(sockets->listeners_dropped(), " listeners were left out"));
}

void HostObservation::ReadConnections() {
  std::map<std::pair<std::string, uint64_t>, ConnectionHistory> histories;
  for (const v1::SocketSample& sample : evidence_.sockets()) {
    for (const v1::ConnectionRecord& record : sample.connections()) {
      const uint64_t inode = record.network_namespace();
      if (inode != network_namespace_ && !(inode == 0 && is_own_)) continue;
      histories[{record.local(), record.cookie()}].samples.push_back(
          {sample.monotonic_ns(), &record});
    }
  }
  for (auto& [key, history] : histories) connections_.push_back(std::move(history));
}

absl::StatusOr<absl::Span<const ConnectionHistory>> HostObservation::Connections() const {
  if (evidence_.sockets().empty()) return Missing(kSockets);
  return absl::MakeConstSpan(connections_);
}

absl::Status HostObservation::ConnectionsComplete() const {
  TF_RETURN_IF_ERROR(Connections().status());
  uint64_t dropped = 0;
  for (const v1::SocketSample& sample : evidence_.sockets()) {
    dropped = std::max(dropped, sample.dropped());
  }
  if (dropped == 0) return absl::OkStatus();
  return Unknown(absl::StrCat(dropped, " connections were left out"));
}

absl::StatusOr<std::string> HostObservation::Sysctl(absl::string_view key) const {
  const std::string dotted = sysctl::DottedKey(key);
  for (const v1::Sysctl& one : evidence_.sysctls()) {
    if (one.key() != std::string(key)) continue;
    if (!one.has_value()) return Unknown(absl::StrCat(dotted, ": ", one.unreadable()));
    if (!is_own_ && one.scope() != v1::Sysctl::SCOPE_HOST) {
      return Unknown(absl::StrCat(dotted, ": known only of the agent's own network namespace"));
    }
    return sysctl::Canonical(key, one.value());
  }
  const v1::MissingSource* const missing = FindMissing(evidence_.missing(), "sysctls", 0);
  return Unknown(
      absl::StrCat(dotted, ": ", missing == nullptr ? "not on this host" : missing->why()));
}

absl::StatusOr<std::vector<int64_t>> HostObservation::Numbers(absl::string_view key) const {
  TF_ASSIGN_OR_RETURN(const std::string value, Sysctl(key));
  const std::optional<std::vector<int64_t>> numbers = sysctl::ParseNumbers(value);
  if (!numbers || numbers->empty()) {
    return Unknown(absl::StrCat(sysctl::DottedKey(key), ": no number: '", value, "'"));
  }
  return *numbers;
}

absl::StatusOr<int64_t> HostObservation::Number(absl::string_view key) const {
  TF_ASSIGN_OR_RETURN(const std::vector<int64_t> numbers, Numbers(key));
  return numbers.front();
}

}  // namespace tcpfleet::controller
