// The one place where our statuses become gRPC's and back. The codes are the same by definition.
#pragma once

#include <absl/status/status.h>
#include <grpcpp/support/status.h>

namespace tcpfleet::rpc {

grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace tcpfleet::rpc
