// A running gRPC server that is handed its connections one by one.
//
// Threads: Start, Take and destruction from one thread. Owns: the server and the connections.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <memory>

#include "common/base/clock.h"
#include "common/rpc/tls.h"
#include "common/sys/unique_fd.h"

namespace grpc {
class Server;
class Service;
namespace experimental {
class ExternalConnectionAcceptor;
}
}  // namespace grpc

namespace tcpfleet::rpc {

class LiveServer {
 public:
  // `connection_idle`: a connection without calls is closed then.
  static absl::StatusOr<std::unique_ptr<LiveServer>> Start(
      const TlsFiles& tls, absl::Duration connection_idle, base::Clock& clock,
      absl::Span<grpc::Service* const> services);
  ~LiveServer();

  // Connections over a Unix socket are not encrypted: the file's mode is their lock.
  void Take(sys::UniqueFd connection, bool is_unix);

  // No call is under way, none ended and no connection came for `span`.
  bool IdleFor(absl::Duration span) const;

  // Waits up to `grace` for calls under way, then cancels them.
  void Shutdown(absl::Duration grace);

 private:
  using Door = std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor>;
  class CallCounter;
  LiveServer(base::Clock& clock, std::shared_ptr<CallCounter> calls);

  base::Clock& clock_;
  const std::shared_ptr<CallCounter> calls_;
  Door tcp_door_;
  Door unix_door_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace tcpfleet::rpc
