#pragma once

#include "agent/kernel/kernel_hub.h"
#include "agent/kernel/kernel_reader.h"
#include "common/base/task_thread.h"
#include "tcpfleet/v1/kernel.grpc.pb.h"

namespace tcpfleet::agent {

// Snapshots and ends of subscriptions run on `tasks`: both may wait for the kernel.
class KernelService final : public v1::KernelService::CallbackService {
 public:
  KernelService(const KernelReader* reader, KernelHub* hub, base::TaskThread* tasks)
      : reader_(reader), hub_(hub), tasks_(tasks) {}

  grpc::ServerWriteReactor<v1::SnapshotKernelResponse>* Snapshot(
      grpc::CallbackServerContext* context, const v1::SnapshotKernelRequest* request) override;
  grpc::ServerWriteReactor<v1::WatchKernelResponse>* Watch(
      grpc::CallbackServerContext* context, const v1::WatchKernelRequest* request) override;

 private:
  const KernelReader* const reader_;
  KernelHub* const hub_;
  base::TaskThread* const tasks_;
};

}  // namespace tcpfleet::agent
