#include "agent/service/sysctl_service.h"

#include <memory>
#include <utility>

#include "common/rpc/server_stream.h"
#include "common/rpc/status.h"

namespace tcpfleet::agent {
namespace {

constexpr size_t kMostWaiting = 32;

using ReadStream = rpc::ServerStream<v1::ReadSysctlsResponse>;
using ListStream = rpc::ServerStream<v1::ListSysctlTransactionsResponse>;

absl::Status TooMany() {
  return absl::ResourceExhaustedError("too many requests wait on this agent; try again");
}

}  // namespace

grpc::ServerWriteReactor<v1::ReadSysctlsResponse>* SysctlService::Read(
    grpc::CallbackServerContext*, const v1::ReadSysctlsRequest* request) {
  const std::shared_ptr<ReadStream> stream = ReadStream::New();
  if (reads_->waiting() >= kMostWaiting) {
    stream->Close(TooMany());
    return stream.get();
  }
  reads_->Post([reader = reader_, stream, request = *request] {
    stream->Close(reader->Read(
        request, [&](v1::ReadSysctlsResponse part) { stream->Push(std::move(part)); }));
  });
  return stream.get();
}

template <class Request, class Response>
grpc::ServerUnaryReactor* SysctlService::Change(
    grpc::CallbackServerContext* context, const Request* request, Response* response,
    absl::StatusOr<Response> (SysctlChanger::*ask)(const Request&, const std::string&)) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (changes_->waiting() >= kMostWaiting) {
    reactor->Finish(rpc::ToGrpc(TooMany()));
    return reactor;
  }
  // Request and response stay until the call is finished.
  changes_->Post([changer = changer_, ask, peer = context->peer(), request, response, reactor] {
    absl::StatusOr<Response> answer = (changer->*ask)(*request, peer);
    if (answer.ok()) *response = *std::move(answer);
    reactor->Finish(rpc::ToGrpc(answer.status()));
  });
  return reactor;
}

grpc::ServerUnaryReactor* SysctlService::Prepare(grpc::CallbackServerContext* context,
                                                 const v1::PrepareSysctlsRequest* request,
                                                 v1::PrepareSysctlsResponse* response) {
  return Change(context, request, response, &SysctlChanger::Prepare);
}

grpc::ServerUnaryReactor* SysctlService::Apply(grpc::CallbackServerContext* context,
                                               const v1::ApplySysctlsRequest* request,
                                               v1::ApplySysctlsResponse* response) {
  return Change(context, request, response, &SysctlChanger::Apply);
}

grpc::ServerUnaryReactor* SysctlService::Confirm(grpc::CallbackServerContext* context,
                                                 const v1::ConfirmSysctlsRequest* request,
                                                 v1::ConfirmSysctlsResponse* response) {
  return Change(context, request, response, &SysctlChanger::Confirm);
}

grpc::ServerUnaryReactor* SysctlService::Rollback(grpc::CallbackServerContext* context,
                                                  const v1::RollbackSysctlsRequest* request,
                                                  v1::RollbackSysctlsResponse* response) {
  return Change(context, request, response, &SysctlChanger::Rollback);
}

grpc::ServerWriteReactor<v1::ListSysctlTransactionsResponse>* SysctlService::ListTransactions(
    grpc::CallbackServerContext*, const v1::ListSysctlTransactionsRequest* request) {
  const std::shared_ptr<ListStream> stream = ListStream::New();
  if (changes_->waiting() >= kMostWaiting) {
    stream->Close(TooMany());
    return stream.get();
  }
  changes_->Post([changer = changer_, stream, request = *request] {
    stream->Close(changer->List(request, [&](v1::ListSysctlTransactionsResponse part) {
      return stream->Push(std::move(part));
    }));
  });
  return stream.get();
}

}  // namespace tcpfleet::agent
