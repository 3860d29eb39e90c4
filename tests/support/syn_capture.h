// The first SYN of every source that reaches a host, with the time the kernel saw it arrive.
//
//   auto capture = SynCapture::Start(web.network());
//   ...
//   for (const auto& [source, realtime_ns] : capture->FirstSyns()) ...
//
// Threads: one owner.
// Bounds:  4 MiB of packets wait in the socket; for runs of few connections.
// Source:  packet(7), SO_TIMESTAMPNS; RFC 791, RFC 9293.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>

#include "common/base/ip_address.h"
#include "common/sys/net_namespace.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::tests {

class SynCapture {
 public:
  static absl::StatusOr<SynCapture> Start(const sys::NetNamespace& network);

  // By IPv4 source address, CLOCK_REALTIME; of the packets that arrived since the last call.
  std::map<base::IpAddress, int64_t> FirstSyns();

 private:
  explicit SynCapture(sys::UniqueFd socket) : socket_(std::move(socket)) {}
  sys::UniqueFd socket_;
};

}  // namespace tcpfleet::tests
