// A gRPC server on one or more addresses, which runs only while somebody talks to it.
//
// It listens and accepts by itself. The first connection starts gRPC, which then has some ten
// threads that wake up several times a second; when nobody has called for twice connection_idle
// they all end, and one thread sleeps in epoll until the next connection.
//
// Threads: Start and Shutdown from the owner's thread, never from a gRPC callback.
// Owns:    the listening sockets, the accepting thread and the server; the services belong to the
//          caller and outlive it.
// Bounds:  requests of 1 MiB, 64 streams per connection, 32 MiB of gRPC buffers. A connection
//          without calls is closed after Options::connection_idle.
// Errors:  InvalidArgument (malformed address), PermissionDenied (an address beyond this host
//          without TLS), AlreadyExists (somebody listens there already).
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <memory>
#include <string>
#include <vector>

#include "common/rpc/tls.h"

namespace grpc {
class Service;
}

namespace tcpfleet::rpc {

class ServerHost {
 public:
  struct Options {
    // ADDRESS:PORT (port 0 picks one) or unix:/path.
    std::vector<std::string> listen;
    TlsFiles tls;
    // Permits addresses beyond loopback without TLS.
    bool insecure_listen = false;
    absl::Duration connection_idle = absl::Seconds(30);
  };

  static absl::StatusOr<std::unique_ptr<ServerHost>> Start(
      const Options& options, absl::Span<grpc::Service* const> services);
  // Shuts down at once if the owner did not.
  ~ServerHost();

  // As given, with the ports that were picked.
  const std::vector<std::string>& addresses() const;

  // gRPC runs: somebody is connected or was a moment ago.
  bool awake() const;

  // Stops accepting and waits up to `grace` for calls under way, then cancels them. Streams must be
  // closed by their owners first: a call that nobody finishes would keep this from returning.
  void Shutdown(absl::Duration grace);

 private:
  class Acceptor;
  explicit ServerHost(std::unique_ptr<Acceptor> acceptor);

  const std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace tcpfleet::rpc
