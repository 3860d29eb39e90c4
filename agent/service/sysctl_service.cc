#include "agent/service/sysctl_service.h"

#include <memory>
#include <utility>

#include "common/rpc/server_stream.h"

namespace tcpfleet::agent {
namespace {

constexpr size_t kMostWaiting = 32;

using ReadStream = rpc::ServerStream<v1::ReadSysctlsResponse>;

}  // namespace

grpc::ServerWriteReactor<v1::ReadSysctlsResponse>* SysctlService::Read(
    grpc::CallbackServerContext*, const v1::ReadSysctlsRequest* request) {
  const std::shared_ptr<ReadStream> stream = ReadStream::New();
  if (tasks_->waiting() >= kMostWaiting) {
    stream->Close(absl::ResourceExhaustedError("too many requests wait on this agent; try again"));
    return stream.get();
  }
  tasks_->Post([reader = reader_, stream, request = *request] {
    stream->Close(reader->Read(
        request, [&](v1::ReadSysctlsResponse part) { stream->Push(std::move(part)); }));
  });
  return stream.get();
}

}  // namespace tcpfleet::agent
