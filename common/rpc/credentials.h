#pragma once

#include <absl/status/statusor.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "common/rpc/tls.h"

namespace tcpfleet::rpc {

// Mutual TLS from files that are read again every minute, so that certificates can be renewed under
// a running process; insecure when `files` is empty. A server asks every client for a certificate
// of the authority.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentials(const TlsFiles& files);
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ChannelCredentials(const TlsFiles& files);

}  // namespace tcpfleet::rpc
