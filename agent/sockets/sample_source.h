// Where connection samples come from. One implementation reads NETLINK_SOCK_DIAG; tests bring their
// own.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <vector>

#include "common/base/ip_address.h"
#include "common/sockets/connection_sample.h"
#include "common/sockets/state_names.h"
#include "tcpfleet/v1/host.pb.h"

namespace tcpfleet::agent {

struct PollRequest {
  sockets::StateMask states = sockets::kAllStates;
  // Storage of an earlier result that nobody needs any more; its content means nothing.
  std::vector<sockets::ConnectionSample> recycled;
};

// A socket that is no connection to be modelled: TIME_WAIT, SYN_RECV.
struct SkippedSocket {
  uint8_t state = 0;
  base::Endpoint local;
  base::Endpoint remote;
};

struct PollResult {
  int64_t monotonic_ns = 0;  // when the poll began
  std::vector<sockets::ConnectionSample> connections;
  std::vector<SkippedSocket> skipped;
  uint64_t torn = 0;     // messages that could not be read
  uint64_t dropped = 0;  // sockets beyond the source's bound
};

// Threads: one call of Poll at a time; Describe at any time.
class SampleSource {
 public:
  virtual ~SampleSource() = default;

  // Every socket in the wanted states, or an error: never a part of them.
  virtual absl::StatusOr<PollResult> Poll(PollRequest request) = 0;

  // How much of it works here.
  virtual v1::Collector Describe() const = 0;
};

}  // namespace tcpfleet::agent
