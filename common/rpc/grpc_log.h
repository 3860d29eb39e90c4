#pragma once

namespace tcpfleet::rpc {

// Sends gRPC's own log lines through spdlog: its errors as warnings, the rest as debug.
void RouteGrpcLog();

}  // namespace tcpfleet::rpc
