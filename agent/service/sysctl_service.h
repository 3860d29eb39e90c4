#pragma once

#include "agent/sysctl/sysctl_reader.h"
#include "common/base/task_thread.h"
#include "tcpfleet/v1/sysctl.grpc.pb.h"

namespace tcpfleet::agent {

// Reading the kernel takes its time, so it is done on `tasks`, one request after the other.
class SysctlService final : public v1::SysctlService::CallbackService {
 public:
  SysctlService(SysctlReader* reader, base::TaskThread* tasks) : reader_(reader), tasks_(tasks) {}

  grpc::ServerWriteReactor<v1::ReadSysctlsResponse>* Read(
      grpc::CallbackServerContext* context, const v1::ReadSysctlsRequest* request) override;

 private:
  SysctlReader* const reader_;
  base::TaskThread* const tasks_;
};

}  // namespace tcpfleet::agent
