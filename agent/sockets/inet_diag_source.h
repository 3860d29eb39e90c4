// Samples TCP sockets through NETLINK_SOCK_DIAG, of the agent's network namespace or of all that
// can be entered: IPv4, then IPv6, as far as they are wanted.
//
// Owns:    one netlink socket, opened by the first poll in the namespace of its thread, and anew
//          after an error; on request one per namespace.
// Errors:  NotFound (kernel without tcp_diag), Unavailable (dump interrupted three times), those of
//          NetlinkSocket. Of other namespaces an error is a gap.
// Bounds:  sockets::kMostRows skipped sockets; more are counted in `dropped`.
// Needs no capability: the kernel answers everybody. Marks need CAP_NET_ADMIN.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>

#include "agent/sockets/net_namespaces.h"
#include "agent/sockets/sample_source.h"
#include "common/base/clock.h"
#include "common/netlink/inet_diag.h"
#include "common/netlink/netlink_socket.h"

namespace tcpfleet::agent {

class InetDiagSource final : public SampleSource {
 public:
  // `clock` must outlive the source.
  explicit InetDiagSource(const base::Clock* clock);

  absl::StatusOr<PollResult> Poll(const PollRequest& request, PollSink& sink) override;
  std::vector<v1::Collector> Describe() const override;

 private:
  absl::Status Open();
  absl::Status DumpHome(const PollRequest& request, PollSink& sink, PollResult& result);
  void DumpOthers(const PollRequest& request, PollSink& sink, PollResult& result);
  absl::Status DumpFamilies(netlink::NetlinkSocket& socket, uint64_t network_namespace,
                            const PollRequest& request, PollSink& sink, PollResult& result);
  void Take(const netlink::Message& message, int64_t true_at_ns, uint64_t network_namespace,
            PollSink& sink, PollResult& result);

  const base::Clock* const clock_;
  const uint64_t seed_;                           // of fingerprints
  std::optional<netlink::NetlinkSocket> socket_;  // of the home namespace
  uint64_t home_namespace_ = 0;
  std::optional<NetNamespaces> namespaces_;  // from the first request for all of them
  bool refuses_programs_ = false;            // this kernel, or what it is given
  sockets::ConnectionSample sample_;         // being filled
};

// What of inet_diag's extensions beside kConnection carries some of `fields`; none means all.
netlink::Extensions ExtensionsFor(const sockets::FieldMask& fields);

// Overwrites `sample` with what inet_diag says. Times the kernel gives as "ago" and "in" become
// moments around `monotonic_ns`. LISTEN sockets get no tcp_info: the kernel uses its fields for the
// accept queue there.
void FillSample(const netlink::InetDiagSocket& socket, uint64_t network_namespace,
                int64_t monotonic_ns, sockets::ConnectionSample& sample);

}  // namespace tcpfleet::agent
