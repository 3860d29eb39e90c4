// Where connection samples come from. One implementation reads NETLINK_SOCK_DIAG; tests bring their
// own.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/ip_address.h"
#include "common/filter/filter.h"
#include "common/sockets/connection_sample.h"
#include "common/sockets/state_names.h"
#include "tcpfleet/v1/host.pb.h"

namespace tcpfleet::agent {

// What subscribers want of a poll. A source may give more.
struct PollRequest {
  sockets::StateMask states = sockets::kAllStates;
  filter::FamilyMask families = filter::kIpv4 | filter::kIpv6;
  sockets::FieldMask fields = {};       // none: all
  std::vector<std::byte> program = {};  // of inet_diag bytecode; empty: every socket
  bool all_namespaces = false;

  // Both select the same sockets.
  bool SameSockets(const PollRequest& other) const {
    return states == other.states && families == other.families && program == other.program &&
           all_namespaces == other.all_namespaces;
  }
};

// A socket as it was seen just now, at a glance.
struct Sighting {
  uint64_t cookie = 0;
  uint64_t network_namespace = 0;
  // Of everything a record says of the socket but its moments; 0: not known.
  uint64_t fingerprint = 0;
  // CLOCK_MONOTONIC milliseconds modulo 2^32 of each of the record's moments, 0 where there is
  // none.
  std::array<uint32_t, 4> moments_ms{};
};

// Takes the sockets of one poll.
class PollSink {
 public:
  virtual ~PollSink() = default;
  // An attempt begins; what an earlier one of this poll has said counts no more.
  virtual void Begin(int64_t monotonic_ns) = 0;
  // True when the sink has this record already: then that is all there is to say of the socket.
  virtual bool HasRecord(const Sighting& sighting) = 0;
  // The socket's record. False: a bound is reached.
  virtual bool Take(const Sighting& sighting, const sockets::ConnectionSample& sample) = 0;
};

// A socket that is no connection to be modelled: TIME_WAIT, SYN_RECV.
struct SkippedSocket {
  uint8_t state = 0;
  uint64_t network_namespace = 0;
  base::Endpoint local;
  base::Endpoint remote;
};

struct PollResult {
  int64_t monotonic_ns = 0;  // when the poll began
  uint64_t home_namespace = 0;
  std::vector<SkippedSocket> skipped;
  uint64_t torn = 0;     // messages that could not be read
  uint64_t dropped = 0;  // sockets beyond a bound
  bool gap = false;      // a namespace could not be read
};

// Threads: one call of Poll at a time; Describe at any time.
class SampleSource {
 public:
  virtual ~SampleSource() = default;

  // Every socket that is wanted goes into `sink`. After an error the sink has a part of them.
  virtual absl::StatusOr<PollResult> Poll(const PollRequest& request, PollSink& sink) = 0;

  // How much of it works here, one line per collector.
  virtual std::vector<v1::Collector> Describe() const = 0;
};

}  // namespace tcpfleet::agent
