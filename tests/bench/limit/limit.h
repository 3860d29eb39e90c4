// The least a TCP client and a TCP server can do per operation: one thread, one epoll set, raw
// system calls, no statistics but counts, loopback only. What tcpfleet-agent is measured against.
//
// Errors: any failing operation ends the program; a pair with failures is no measurement.
// Bounds: descriptors up to the hard RLIMIT_NOFILE. Both sides end when standard input does, a
//         client before that at the end of its duration.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstdint>

namespace tcpfleet::bench {

enum class Workload {
  kCrr,   // connect, send 1 byte, receive 1 byte, close with a reset
  kRr,    // send 1 byte, receive 1 byte, over kept connections
  kHold,  // connect and keep
};

struct ClientOptions {
  Workload workload = Workload::kCrr;
  uint16_t port = 0;
  int connections = 64;
  // crr, rr: duration is what is measured, after the warm-up. hold: the ramp is what is measured.
  absl::Duration warmup;
  absl::Duration duration;
  // stream
  bool receives = false;
  int write_bytes = 131'072;
};

// Prints {"operations", "seconds", "cpu_seconds", "rate"} of the measured time as one JSON line.
absl::Status RunClient(const ClientOptions& options);

// Listens on 127.0.0.1, on a free port when `port` is 0, and prints {"port"}. Answers every message
// with 1 byte.
absl::Status RunServer(uint16_t port);

// Sends, or receives, as fast as the connections take it. Prints {"bytes", "seconds",
// "cpu_seconds"} of the measured time as one JSON line.
absl::Status RunStream(const ClientOptions& options);

struct StreamServerOptions {
  uint16_t port = 0;
  bool sends = false;  // else it receives and throws away
  int write_bytes = 131'072;
};
// Listens as RunServer does.
absl::Status ServeStreams(const StreamServerOptions& options);

}  // namespace tcpfleet::bench
