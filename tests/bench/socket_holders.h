// Many TCP connections over loopback, held by several processes because of their descriptors.
#pragma once

#include <absl/status/statusor.h>

#include <vector>

#include "tests/bench/program.h"

namespace tcpfleet::bench {

inline constexpr int kHolders = 12;

class SocketHolders {
 public:
  // `active_percent` of them exchange something every second. ResourceExhausted when the hard
  // RLIMIT_NOFILE is too low for so many.
  static absl::StatusOr<SocketHolders> Start(int connections, int active_percent, int cpu);

  // Of the server in the first process, which has 1 in kHolders of all connections.
  int first_port() const { return first_port_; }

 private:
  std::vector<Program> programs_;
  int first_port_ = 0;
};

}  // namespace tcpfleet::bench
