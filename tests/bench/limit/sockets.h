// Sockets to look at, and the barest look at them.
//
// Errors: any failing call ends the program. Bounds: descriptors up to the hard RLIMIT_NOFILE.
#pragma once

#include <absl/status/status.h>

namespace tcpfleet::bench {

struct SocketsOptions {
  int number = 0;       // of this process among its like, 0 to 199: its addresses are its own
  int connections = 0;  // two sockets each
  int active = 0;       // of them exchange a request and a response once a second
};

// Holds connections over loopback until standard input ends. Prints {"port"} once they are open.
absl::Status HoldSockets(const SocketsOptions& options);

// Dumps the TCP sockets of both families with their tcp_info, `repeat` times one second apart, as
// an agent does, reading what the kernel answers and counting it. Prints {"sockets", "cpu_seconds"}
// of one dump as one JSON line.
absl::Status DumpSockets(int repeat);

}  // namespace tcpfleet::bench
