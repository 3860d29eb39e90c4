#include <grpcpp/client_context.h>

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_stream.h"
#include "common/rpc/status.h"
#include "controller/fleet/agent_client.h"
#include "tcpfleet/v1/host.grpc.pb.h"
#include "tcpfleet/v1/kernel.grpc.pb.h"
#include "tcpfleet/v1/probe.grpc.pb.h"
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
void CallUnary(Request request, absl::Duration timeout, OnResponse<Response> on_response,
               Start start) {
  auto owned = std::make_unique<UnaryCall<Request, Response>>();
  SetTimeout(owned->context, timeout);
  owned->request = std::move(request);
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

// `start(context, request, reactor)` is the stub's asynchronous method; no timeout: until
// cancelled.
template <class Request, class Response, class Start>
std::unique_ptr<StreamCall> CallStream(const Request& request,
                                       std::optional<absl::Duration> timeout,
                                       OnMessage<Response> on_message, OnDone on_done,
                                       Start start) {
  auto read = std::make_unique<GrpcReadCall<Response>>(std::move(on_message), std::move(on_done));
  if (timeout) SetTimeout(read->call.context(), *timeout);
  start(&read->call.context(), &request, &read->call);
  read->call.Start();
  return read;
}

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
  GrpcAgentClient(const std::shared_ptr<grpc::Channel>& channel, std::string address,
                  rpc::TlsFiles tls)
      : address_(std::move(address)),
        tls_(std::move(tls)),
        host_(v1::HostService::NewStub(channel)),
        sockets_(v1::SocketService::NewStub(channel)),
        stress_(v1::StressService::NewStub(channel)),
        sysctls_(v1::SysctlService::NewStub(channel)),
        kernel_(v1::KernelService::NewStub(channel)),
        probes_(v1::ProbeService::NewStub(channel)) {}

  void Describe(absl::Duration timeout, OnResponse<v1::DescribeResponse> on_response) override {
    CallUnary(v1::DescribeRequest(), timeout, std::move(on_response),
              [this](auto... arguments) { host_->async()->Describe(std::move(arguments)...); });
  }

  void ProbeClock(absl::Duration timeout, OnResponse<v1::ProbeClockResponse> on_response) override {
    CallUnary(v1::ProbeClockRequest(), timeout, std::move(on_response),
              [this](auto... arguments) { host_->async()->ProbeClock(std::move(arguments)...); });
  }

  std::unique_ptr<StreamCall> Snapshot(const v1::SnapshotRequest& request, absl::Duration timeout,
                                       OnMessage<v1::SnapshotResponse> on_message,
                                       OnDone on_done) override {
    return CallStream(request, timeout, std::move(on_message), std::move(on_done),
                      [this](auto... arguments) { sockets_->async()->Snapshot(arguments...); });
  }

  std::unique_ptr<StreamCall> Watch(const v1::WatchRequest& request,
                                    OnMessage<v1::WatchResponse> on_message,
                                    OnDone on_done) override {
    return CallStream(request, std::nullopt, std::move(on_message), std::move(on_done),
                      [this](auto... arguments) { sockets_->async()->Watch(arguments...); });
  }

  std::unique_ptr<StreamCall> ReadSysctls(const v1::ReadSysctlsRequest& request,
                                          absl::Duration timeout,
                                          OnMessage<v1::ReadSysctlsResponse> on_message,
                                          OnDone on_done) override {
    return CallStream(request, timeout, std::move(on_message), std::move(on_done),
                      [this](auto... arguments) { sysctls_->async()->Read(arguments...); });
  }

  void PrepareSysctls(const v1::PrepareSysctlsRequest& request, absl::Duration timeout,
                      OnResponse<v1::PrepareSysctlsResponse> on_response) override {
    CallUnary(request, timeout, std::move(on_response),
              [this](auto... arguments) { sysctls_->async()->Prepare(std::move(arguments)...); });
  }

  void ApplySysctls(const v1::ApplySysctlsRequest& request, absl::Duration timeout,
                    OnResponse<v1::ApplySysctlsResponse> on_response) override {
    CallUnary(request, timeout, std::move(on_response),
              [this](auto... arguments) { sysctls_->async()->Apply(std::move(arguments)...); });
  }

  void ConfirmSysctls(const v1::ConfirmSysctlsRequest& request, absl::Duration timeout,
                      OnResponse<v1::ConfirmSysctlsResponse> on_response) override {
    absl::StatusOr<std::shared_ptr<grpc::Channel>> channel =
        rpc::NewChannel(address_, tls_, rpc::Connection::kOwn);
    if (!channel.ok()) return on_response(channel.status());
    v1::SysctlService::Stub* stub = KeepStub(v1::SysctlService::NewStub(*channel));
    CallUnary(request, timeout, std::move(on_response),
              [stub](auto... arguments) { stub->async()->Confirm(std::move(arguments)...); });
  }

  void RollbackSysctls(const v1::RollbackSysctlsRequest& request, absl::Duration timeout,
                       OnResponse<v1::RollbackSysctlsResponse> on_response) override {
    CallUnary(request, timeout, std::move(on_response),
              [this](auto... arguments) { sysctls_->async()->Rollback(std::move(arguments)...); });
  }

  std::unique_ptr<StreamCall> ListSysctlTransactions(
      const v1::ListSysctlTransactionsRequest& request, absl::Duration timeout,
      OnMessage<v1::ListSysctlTransactionsResponse> on_message, OnDone on_done) override {
    return CallStream(
        request, timeout, std::move(on_message), std::move(on_done),
        [this](auto... arguments) { sysctls_->async()->ListTransactions(arguments...); });
  }

  std::unique_ptr<StreamCall> SnapshotKernel(const v1::SnapshotKernelRequest& request,
                                             absl::Duration timeout,
                                             OnMessage<v1::SnapshotKernelResponse> on_message,
                                             OnDone on_done) override {
    return CallStream(request, timeout, std::move(on_message), std::move(on_done),
                      [this](auto... arguments) { kernel_->async()->Snapshot(arguments...); });
  }

  std::unique_ptr<StreamCall> WatchKernel(const v1::WatchKernelRequest& request,
                                          OnMessage<v1::WatchKernelResponse> on_message,
                                          OnDone on_done) override {
    return CallStream(request, std::nullopt, std::move(on_message), std::move(on_done),
                      [this](auto... arguments) { kernel_->async()->Watch(arguments...); });
  }

  std::unique_ptr<StreamCall> Probe(const v1::ProbeRequest& request, absl::Duration timeout,
                                    OnMessage<v1::ProbeResponse> on_message,
                                    OnDone on_done) override {
    return CallStream(request, timeout, std::move(on_message), std::move(on_done),
                      [this](auto... arguments) { probes_->async()->Probe(arguments...); });
  }

  std::unique_ptr<RunCall> Run(OnMessage<v1::RunResponse> on_message, OnDone on_done) override {
    auto run = std::make_unique<GrpcRunCall>(std::move(on_message), std::move(on_done));
    stress_->async()->Run(&run->call.context(), &run->call);
    run->call.Start();
    return run;
  }

 private:
  using SysctlStub = std::unique_ptr<v1::SysctlService::Stub>;

  // The stub holds its channel, which must not die on a gRPC thread: it stays as long as the
  // client.
  v1::SysctlService::Stub* KeepStub(SysctlStub stub) {
    const base::MutexLock lock(mutex_);
    return own_connections_.emplace_back(std::move(stub)).get();
  }

  const std::string address_;
  const rpc::TlsFiles tls_;
  const std::unique_ptr<v1::HostService::Stub> host_;
  const std::unique_ptr<v1::SocketService::Stub> sockets_;
  const std::unique_ptr<v1::StressService::Stub> stress_;
  const SysctlStub sysctls_;
  const std::unique_ptr<v1::KernelService::Stub> kernel_;
  const std::unique_ptr<v1::ProbeService::Stub> probes_;
  base::Mutex mutex_;
  std::vector<SysctlStub> own_connections_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<AgentClient>> NewGrpcAgentClient(const std::string& address,
                                                                const rpc::TlsFiles& tls) {
  TF_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(address, tls));
  return std::make_unique<GrpcAgentClient>(channel, address, tls);
}

}  // namespace tcpfleet::controller
