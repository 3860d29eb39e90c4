// What was observed on one host in one network namespace, as rules ask for it.
//
// Whatever is not known is a status, FailedPrecondition with the reason as a person reads it
// ("/proc/net/netstat: Permission denied"); a rule that returns it is not evaluated.
//
// Owns:    nothing; the evidence must outlive it.
// Threads: immutable.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tcpfleet/v1/diagnosis.pb.h"

namespace tcpfleet::controller {

// A counter over all snapshots. It never went back, on the same boot.
struct CounterChange {
  std::string source;  // "/proc/net/netstat"
  std::string name;    // "TcpExt.ListenOverflows"
  uint64_t before = 0;
  uint64_t after = 0;
  double seconds = 0;         // more than 0
  std::vector<double> rates;  // per second, one for each interval between two snapshots

  uint64_t delta() const { return after - before; }
  double per_second() const { return static_cast<double>(delta()) / seconds; }
  // Intervals with at least this rate; with 0, those in which it grew.
  size_t IntervalsAtLeast(double per_second) const;
};

// A snapshot that looks at all sockets, not only at listeners.
struct SocketLook {
  int64_t monotonic_ns = 0;
  const v1::SocketSummary* sockets = nullptr;  // never null
};

// One listener in the snapshots that list sockets, in their order; null where it was not there.
struct ListenerHistory {
  std::vector<const v1::Listener*> samples;
  const v1::Listener* last = nullptr;  // never null
};

// One connection in the socket samples that have it, in their order.
struct ConnectionHistory {
  struct Sample {
    int64_t monotonic_ns = 0;
    const v1::ConnectionRecord* record = nullptr;
  };
  std::vector<Sample> samples;  // never empty

  const v1::ConnectionRecord& last() const { return *samples.back().record; }
  double seconds() const;  // between its first sample and its last
  // Of the last sample, by the field's name (common/sockets/field.h); nothing when the kernel does
  // not report it.
  std::optional<uint64_t> Value(absl::string_view field) const;
  // Last minus first, both of one life of the socket; nothing when unknown or the counter went
  // back.
  std::optional<uint64_t> Growth(absl::string_view field) const;
  // How long before the last sample the moment was ("last_data_recv_at_ms"). Never negative.
  std::optional<double> SecondsSince(absl::string_view field) const;
};

std::optional<uint64_t> ValueOf(const v1::ConnectionRecord& record, absl::string_view field);

// Network namespaces of the last snapshot, the agent's own first; {0} when there is no snapshot.
std::vector<uint64_t> NamespacesOf(const v1::HostEvidence& evidence);

class HostObservation {
 public:
  // Of the namespace with this inode.
  HostObservation(const v1::HostEvidence& evidence, uint64_t network_namespace);

  const std::string& name() const { return evidence_.name(); }
  const v1::HostEvidence& evidence() const { return evidence_; }
  uint64_t network_namespace() const { return network_namespace_; }
  // The agent's own namespace, which rules about the host as a whole are asked of.
  bool is_own() const { return is_own_; }
  // "blue", as ip-netns(8) names it, else "netns 4026532281"; empty for the agent's own.
  std::string NamespaceName() const;
  // From the first snapshot to the last; 0 with fewer than two.
  double seconds() const;

  // "TcpExt.ListenOverflows": of NamespaceStatistics.counters.
  absl::StatusOr<CounterChange> Change(absl::string_view counter) const;
  absl::StatusOr<CounterChange> ConntrackChange(absl::string_view counter) const;
  // Any other counter: `read` finds it in a snapshot. `source` is what the agent would report as
  // missing.
  using Reader = std::function<std::optional<uint64_t>(const v1::KernelSnapshot&,
                                                       const v1::NamespaceStatistics&)>;
  absl::StatusOr<CounterChange> ChangeOf(absl::string_view source, absl::string_view name,
                                         const Reader& read) const;
  // Of the last snapshot: "TCP.tw", "Tcp.CurrEstab".
  absl::StatusOr<int64_t> Level(absl::string_view name) const;

  // Of the last snapshot, which has to look at all of them. Never null.
  absl::StatusOr<const v1::SocketSummary*> Sockets() const;
  absl::StatusOr<const v1::NamespaceStatistics*> Namespace() const;
  absl::StatusOr<const v1::HostStatistics*> Host() const;

  // In their order.
  absl::Span<const SocketLook> Looks() const { return looks_; }
  // OK when there were so many on one boot.
  absl::Status LookedAtLeast(double times) const;

  // Every listener seen, by address and port. Several can share both (SO_REUSEPORT).
  absl::StatusOr<absl::Span<const ListenerHistory>> Listeners() const;
  // OK unless some were left out: then only what was found counts.
  absl::Status ListenersComplete() const;

  // Connections that matched what rules asked for, of this namespace, by local address and cookie.
  absl::StatusOr<absl::Span<const ConnectionHistory>> Connections() const;
  absl::Status ConnectionsComplete() const;

  // Value in force of a key in path form ("net/core/somaxconn"), whole, as numbers, and the only or
  // first number.
  absl::StatusOr<std::string> Sysctl(absl::string_view key) const;
  absl::StatusOr<std::vector<int64_t>> Numbers(absl::string_view key) const;
  absl::StatusOr<int64_t> Number(absl::string_view key) const;

  // "SOURCE: why", from what the agent reported as missing.
  absl::Status Missing(absl::string_view source) const;

 private:
  const v1::NamespaceStatistics* NamespaceIn(const v1::KernelSnapshot& snapshot) const;
  absl::Status CheckWindow() const;
  // Of the last snapshot; may have listeners alone.
  absl::StatusOr<const v1::SocketSummary*> LastSummary() const;
  void ReadSockets();
  void ReadConnections();

  const v1::HostEvidence& evidence_;
  const uint64_t network_namespace_;
  bool is_own_ = false;
  absl::Status window_;
  std::vector<SocketLook> looks_;
  std::vector<ListenerHistory> listeners_;
  std::vector<ConnectionHistory> connections_;
};

}  // namespace tcpfleet::controller
