// Whether the hosts of a fleet know the other ends of each other's idle connections.
//
//   PeerLookups lookups(hosts);              // after the first sample
//   lookups.Look(host, snapshot, now_ns);    // what each host answers to Request(), at each look
//   lookups.AddTo(hosts);                    // after the last sample
//
// Threads: not thread-safe.
// Bounds:  kMostPeerAddresses addresses; other ends at further ones are unknown.
#pragma once

#include <absl/types/span.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ip_address.h"
#include "controller/fleet/snapshots.h"
#include "tcpfleet/v1/diagnosis.pb.h"

namespace tcpfleet::controller {

inline constexpr size_t kMostPeerAddresses = 200;

class PeerLookups {
 public:
  explicit PeerLookups(absl::Span<const v1::HostEvidence> hosts);

  // What to ask every host at a look; its filter is empty when there is nothing to look up.
  v1::SnapshotRequest Request() const;
  // `host` is an index into the hosts above, `now_ns` its CLOCK_MONOTONIC.
  void Look(size_t host, const AgentSnapshot& snapshot, int64_t now_ns);
  // Of connections that are there in the last sample still.
  void AddTo(absl::Span<v1::HostEvidence> hosts) const;

 private:
  // Local end, remote end; IPv4-mapped addresses are IPv4.
  using Ends = std::pair<base::Endpoint, base::Endpoint>;
  struct HostLooks {
    uint32_t looks = 0;
    int64_t first_ns = 0;
    int64_t last_ns = 0;
    bool is_whole = true;         // nothing was left out of its answers
    bool has_handshakes = false;  // whose ends are not among them
  };

  static std::optional<Ends> EndsOf(const v1::ConnectionRecord& record);
  // Why it says nothing that a host's answers do not have the other end; empty when it does.
  std::string Doubt(const Ends& ends, const v1::HostEvidence& host, const HostLooks& looks) const;
  // Whether the other end may be there under other addresses or ports.
  bool MayBeTranslated(const Ends& ends) const;
  void LookAt(const Ends& ends);
  v1::PeerLookup Judge(const v1::ConnectionRecord& record, const Ends& ends,
                       absl::Span<const v1::HostEvidence> hosts) const;

  // By host: boot and namespace of its agent.
  std::vector<std::pair<std::string, uint64_t>> homes_;
  // The same to the host: agents on one machine see each other's.
  std::map<std::pair<std::string, uint64_t>, size_t> own_;
  std::set<Ends> wanted_;             // mirrored: as the other end would say
  std::set<base::Endpoint> callers_;  // ends here that no listener has
  std::set<base::IpAddress> addresses_;
  std::map<base::IpAddress, std::set<size_t>> owners_;  // hosts with sockets of that address
  std::set<base::IpAddress> away_;  // of them: in namespaces without an agent of their own
  std::map<Ends, uint32_t> found_;  // looks that had it
  // An end of some connection that was found, and the address of its other end.
  std::set<std::pair<base::Endpoint, base::IpAddress>> direct_;
  std::set<base::Endpoint> taken_;  // other ends that hosts have connections of
  std::set<base::Endpoint>
      diverted_;  // callers that hosts have connections with which nobody wants
  std::map<size_t, HostLooks> looks_;
};

}  // namespace tcpfleet::controller
