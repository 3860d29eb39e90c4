#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "agent/sysctl/sysctl_changer.h"
#include "agent/sysctl/sysctl_reader.h"
#include "common/base/task_thread.h"
#include "tcpfleet/v1/sysctl.grpc.pb.h"

namespace tcpfleet::agent {

// Reading the kernel takes its time, so it is done on `reads`, one request after the other;
// changes, which wait for the disk, are done on `changes`.
class SysctlService final : public v1::SysctlService::CallbackService {
 public:
  SysctlService(SysctlReader* reader, base::TaskThread* reads, SysctlChanger* changer,
                base::TaskThread* changes)
      : reader_(reader), reads_(reads), changer_(changer), changes_(changes) {}

  grpc::ServerWriteReactor<v1::ReadSysctlsResponse>* Read(
      grpc::CallbackServerContext* context, const v1::ReadSysctlsRequest* request) override;
  grpc::ServerUnaryReactor* Prepare(grpc::CallbackServerContext* context,
                                    const v1::PrepareSysctlsRequest* request,
                                    v1::PrepareSysctlsResponse* response) override;
  grpc::ServerUnaryReactor* Apply(grpc::CallbackServerContext* context,
                                  const v1::ApplySysctlsRequest* request,
                                  v1::ApplySysctlsResponse* response) override;
  grpc::ServerUnaryReactor* Confirm(grpc::CallbackServerContext* context,
                                    const v1::ConfirmSysctlsRequest* request,
                                    v1::ConfirmSysctlsResponse* response) override;
  grpc::ServerUnaryReactor* Rollback(grpc::CallbackServerContext* context,
                                     const v1::RollbackSysctlsRequest* request,
                                     v1::RollbackSysctlsResponse* response) override;
  grpc::ServerWriteReactor<v1::ListSysctlTransactionsResponse>* ListTransactions(
      grpc::CallbackServerContext* context,
      const v1::ListSysctlTransactionsRequest* request) override;

 private:
  // Answers with what `ask` of the changer says to the request.
  template <class Request, class Response>
  grpc::ServerUnaryReactor* Change(
      grpc::CallbackServerContext* context, const Request* request, Response* response,
      absl::StatusOr<Response> (SysctlChanger::*ask)(const Request&, const std::string&));

  SysctlReader* const reader_;
  base::TaskThread* const reads_;
  SysctlChanger* const changer_;
  base::TaskThread* const changes_;
};

}  // namespace tcpfleet::agent
