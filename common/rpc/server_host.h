// A gRPC server on one or more addresses.
//
// Threads: Start and Shutdown from the owner's thread, never from a gRPC callback.
// Owns:    the server and its listening sockets; the services belong to the caller and outlive it.
// Bounds:  requests of 1 MiB, 64 streams per connection, 32 MiB of gRPC buffers.
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
class Server;
class Service;
}  // namespace grpc

namespace tcpfleet::rpc {

class ServerHost {
 public:
  struct Options {
    // ADDRESS:PORT (port 0 picks one) or unix:/path.
    std::vector<std::string> listen;
    TlsFiles tls;
    // Permits addresses beyond loopback without TLS.
    bool insecure_listen = false;
  };

  static absl::StatusOr<std::unique_ptr<ServerHost>> Start(
      const Options& options, absl::Span<grpc::Service* const> services);
  // Shuts down at once if the owner did not.
  ~ServerHost();

  // As given, with the ports that were picked.
  const std::vector<std::string>& addresses() const { return addresses_; }

  // Stops accepting and waits up to `grace` for calls under way, then cancels them. Streams must be
  // closed by their owners first: a call that nobody finishes would keep this from returning.
  void Shutdown(absl::Duration grace);

 private:
  explicit ServerHost(std::unique_ptr<grpc::Server> server, std::vector<std::string> addresses);

  std::unique_ptr<grpc::Server> server_;
  std::vector<std::string> addresses_;
};

}  // namespace tcpfleet::rpc
