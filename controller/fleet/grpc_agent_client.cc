#include <grpcpp/client_context.h>

#include <chrono>
#include <utility>

#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_stream.h"
#include "common/rpc/status.h"
#include "controller/fleet/agent_client.h"
#include "tcpfleet/v1/host.grpc.pb.h"
#include "tcpfleet/v1/sockets.grpc.pb.h"
#include "tcpfleet/v1/stress.grpc.pb.h"
#include "tcpfleet/v1/sysctl.grpc.pb.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kMostWaitingRunRequests = 64;

void SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(timeout));
}

template <class Request, class Response>
struct UnaryCall {
  grpc::ClientContext context;
  Request request;
  Response response;
};

// `start(context, request, response, callback)` is the stub's asynchronous method.
template <class Request, class Response, class Start>
void CallUnary(absl::Duration timeout, OnResponse<Response> on_response, Start start) {
  auto owned = std::make_unique<UnaryCall<Request, Response>>();
  SetTimeout(owned->context, timeout);
  UnaryCall<Request, Response>* call = owned.release();
  start(&call->context, &call->request, &call->response,
        [call, on_response = std::move(on_response)](const grpc::Status& status) {
          absl::StatusOr<Response> answer = std::move(call->response);
          if (!status.ok()) answer = rpc::FromGrpc(status);
          // The context holds the channel. It must be gone before anybody hears of the answer: a
          // channel whose last holder is one of gRPC's own threads ends the process.
          delete call;
          on_response(std::move(answer));
        });
}

template <class Response>
class GrpcReadCall final : public StreamCall {
 public:
  GrpcReadCall(OnMessage<Response> on_message, OnDone on_done)
      : call({std::move(on_message), std::move(on_done)}) {}
  void Cancel() override { call.Cancel(); }

  rpc::ClientReadCall<Response> call;
};

class GrpcRunCall final : public RunCall {
 public:
  GrpcRunCall(OnMessage<v1::RunResponse> on_message, OnDone on_done)
      : call(kMostWaitingRunRequests, {std::move(on_message), std::move(on_done)}) {}
  void Cancel() override { call.Cancel(); }
  bool Send(v1::RunRequest request) override { return call.Send(std::move(request)); }

  rpc::ClientDuplexCall<v1::RunRequest, v1::RunResponse> call;
};

class GrpcAgentClient final : public AgentClient {
 public:
  explicit GrpcAgentClient(const std::shared_ptr<grpc::Channel>& channel)
      : host_(v1::HostService::NewStub(channel)),
        sockets_(v1::SocketService::NewStub(channel)),
        stress_(v1::StressService::NewStub(channel)),
        sysctls_(v1::SysctlService::NewStub(channel)) {}

  void Describe(absl::Duration timeout, OnResponse<v1::DescribeResponse> on_response) override {
    CallUnary<v1::DescribeRequest, v1::DescribeResponse>(
        timeout, std::move(on_response),
        [this](auto... arguments) { host_->async()->Describe(std::move(arguments)...); });
  }

  void ProbeClock(absl::Duration timeout, OnResponse<v1::ProbeClockResponse> on_response) override {
    CallUnary<v1::ProbeClockRequest, v1::ProbeClockResponse>(
        timeout, std::move(on_response),
        [this](auto... arguments) { host_->async()->ProbeClock(std::move(arguments)...); });
  }

  std::unique_ptr<StreamCall> Snapshot(const v1::SnapshotRequest& request, absl::Duration timeout,
                                       OnMessage<v1::SnapshotResponse> on_message,
                                       OnDone on_done) override {
    auto read = std::make_unique<GrpcReadCall<v1::SnapshotResponse>>(std::move(on_message),
                                                                     std::move(on_done));
    SetTimeout(read->call.context(), timeout);
    sockets_->async()->Snapshot(&read->call.context(), &request, &read->call);
    read->call.Start();
    return read;
  }

  std::unique_ptr<StreamCall> Watch(const v1::WatchRequest& request,
                                    OnMessage<v1::WatchResponse> on_message,
                                    OnDone on_done) override {
    auto read = std::make_unique<GrpcReadCall<v1::WatchResponse>>(std::move(on_message),
                                                                  std::move(on_done));
    sockets_->async()->Watch(&read->call.context(), &request, &read->call);
    read->call.Start();
    return read;
  }

  std::unique_ptr<StreamCall> ReadSysctls(const v1::ReadSysctlsRequest& request,
                                          absl::Duration timeout,
                                          OnMessage<v1::ReadSysctlsResponse> on_message,
                                          OnDone on_done) override {
    auto read = std::make_unique<GrpcReadCall<v1::ReadSysctlsResponse>>(std::move(on_message),
                                                                        std::move(on_done));
    SetTimeout(read->call.context(), timeout);
    sysctls_->async()->Read(&read->call.context(), &request, &read->call);
    read->call.Start();
    return read;
  }

  std::unique_ptr<RunCall> Run(OnMessage<v1::RunResponse> on_message, OnDone on_done) override {
    auto run = std::make_unique<GrpcRunCall>(std::move(on_message), std::move(on_done));
    stress_->async()->Run(&run->call.context(), &run->call);
    run->call.Start();
    return run;
  }

 private:
  const std::unique_ptr<v1::HostService::Stub> host_;
  const std::unique_ptr<v1::SocketService::Stub> sockets_;
  const std::unique_ptr<v1::StressService::Stub> stress_;
  const std::unique_ptr<v1::SysctlService::Stub> sysctls_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AgentClient>> NewGrpcAgentClient(const std::string& address,
                                                                const rpc::TlsFiles& tls) {
  TF_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(address, tls));
  return std::make_unique<GrpcAgentClient>(channel);
}

}  // namespace tcpfleet::controller
