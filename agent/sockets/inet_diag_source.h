// Samples the TCP sockets of one network namespace through NETLINK_SOCK_DIAG: IPv4, then IPv6.
//
// Owns:    one netlink socket, opened by the first poll in the namespace of its thread, and anew
//          after an error. Errors:  NotFound (kernel without tcp_diag), Unavailable (dump
//          interrupted three times), those of NetlinkSocket. Bounds:  sockets::kMostRows
//          connections and as many skipped sockets; more are counted in `dropped`. Needs no
//          capability: the kernel answers everybody. Processes are not attributed.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>

#include "agent/sockets/sample_source.h"
#include "common/netlink/inet_diag.h"
#include "common/netlink/netlink_socket.h"

namespace tcpfleet::agent {

class InetDiagSource final : public SampleSource {
 public:
  absl::StatusOr<PollResult> Poll(PollRequest request) override;
  v1::Collector Describe() const override;

 private:
  absl::Status Open();
  absl::Status DumpBothFamilies(sockets::StateMask states, PollResult& result);
  void Take(const netlink::Message& message, int64_t true_at_ns, PollResult& result) const;

  std::optional<netlink::NetlinkSocket> socket_;
  uint64_t network_namespace_ = 0;  // of socket_
};

// Overwrites `sample` with what inet_diag says. Times the kernel gives as "ago" and "in" become
// moments around `monotonic_ns`. LISTEN sockets get no tcp_info: the kernel uses its fields for the
// accept queue there.
void FillSample(const netlink::InetDiagSocket& socket, uint64_t network_namespace,
                int64_t monotonic_ns, sockets::ConnectionSample& sample);

}  // namespace tcpfleet::agent
