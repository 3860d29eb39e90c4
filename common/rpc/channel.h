#pragma once

#include <absl/status/statusor.h>
#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "common/rpc/tls.h"

namespace tcpfleet::rpc {

inline constexpr int kLargestMessageToController =
    72 << 20;  // a ConnectionFrame of kMostRowsBytes and its wrapping

// Channels of this process to the same address share a connection, unless one wants its own.
enum class Connection { kShared, kOwn };

// One channel to HOST:PORT or unix:/path, with keepalive against dead peers and no HTTP proxy.
// Connects at the first call and fails it at once when nobody is there. Unix sockets take no TLS:
// the directory's permissions are the lock.
absl::StatusOr<std::shared_ptr<grpc::Channel>> NewChannel(
    const std::string& address, const TlsFiles& tls, Connection connection = Connection::kShared);

}  // namespace tcpfleet::rpc
