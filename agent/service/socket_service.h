#pragma once

#include "agent/sockets/socket_hub.h"
#include "common/base/task_thread.h"
#include "tcpfleet/v1/sockets.grpc.pb.h"

namespace tcpfleet::agent {

// Polls for snapshots and ends of subscriptions run on `tasks`: both may wait for the kernel or for
// the sampler.
class SocketService final : public v1::SocketService::CallbackService {
 public:
  SocketService(SocketHub* hub, base::TaskThread* tasks) : hub_(hub), tasks_(tasks) {}

  grpc::ServerWriteReactor<v1::SnapshotResponse>* Snapshot(
      grpc::CallbackServerContext* context, const v1::SnapshotRequest* request) override;
  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(grpc::CallbackServerContext* context,
                                                     const v1::WatchRequest* request) override;

 private:
  SocketHub* const hub_;
  base::TaskThread* const tasks_;
};

}  // namespace tcpfleet::agent
