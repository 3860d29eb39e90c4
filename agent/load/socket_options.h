#pragma once

#include <absl/status/status.h>

#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

// v1::SocketOptions as plain values: reading them for every connection costs nothing.
struct TestSocketOptions {
  explicit TestSocketOptions(const v1::SocketOptions& options);

  bool no_delay;
  bool keepalive;
  int keepalive_idle_seconds;
  int keepalive_interval_seconds;
  int keepalive_probes;
  bool linger_reset;

  // On a listener, every connection it accepts inherits them.
  absl::Status ApplyTo(int fd) const;
};

// What getsockopt answers; an option that cannot be read counts as not set.
v1::SocketOptions ReadSocketOptions(int fd);

}  // namespace tcpfleet::agent
