// What the controller asks of one agent. Callbacks come from gRPC threads: they must be short and
// must not block.
//
// Threads: all functions from any thread.
// Errors:  Unavailable (nobody answers there), DeadlineExceeded, Unauthenticated/PermissionDenied,
//          Unimplemented (no tcpfleet agent, or an older one), and what the agent itself answered.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <string>

#include "common/rpc/tls.h"
#include "tcpfleet/v1/host.pb.h"
#include "tcpfleet/v1/kernel.pb.h"
#include "tcpfleet/v1/probe.pb.h"
#include "tcpfleet/v1/sockets.pb.h"
#include "tcpfleet/v1/stress.pb.h"
#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::controller {

// A streaming call under way. Destroying it cancels the call and waits for its last callback; never
// destroy it inside one.
class StreamCall {
 public:
  virtual ~StreamCall() = default;
  virtual void Cancel() = 0;
};

// The stress stream. Messages are queued and sent in order.
class RunCall : public StreamCall {
 public:
  // False when the call has ended or 64 messages already wait (the agent does not read).
  virtual bool Send(v1::RunRequest request) = 0;
};

template <class Message>
using OnMessage = std::function<void(Message)>;
using OnDone = std::function<void(absl::Status)>;  // exactly once, last
template <class Response>
using OnResponse = std::function<void(absl::StatusOr<Response>)>;  // exactly once

class AgentClient {
 public:
  virtual ~AgentClient() = default;

  virtual void Describe(absl::Duration timeout, OnResponse<v1::DescribeResponse> on_response) = 0;
  virtual void ProbeClock(absl::Duration timeout,
                          OnResponse<v1::ProbeClockResponse> on_response) = 0;

  virtual std::unique_ptr<StreamCall> Snapshot(const v1::SnapshotRequest& request,
                                               absl::Duration timeout,
                                               OnMessage<v1::SnapshotResponse> on_message,
                                               OnDone on_done) = 0;
  // Runs until cancelled.
  virtual std::unique_ptr<StreamCall> Watch(const v1::WatchRequest& request,
                                            OnMessage<v1::WatchResponse> on_message,
                                            OnDone on_done) = 0;
  virtual std::unique_ptr<StreamCall> ReadSysctls(const v1::ReadSysctlsRequest& request,
                                                  absl::Duration timeout,
                                                  OnMessage<v1::ReadSysctlsResponse> on_message,
                                                  OnDone on_done) = 0;

  virtual void PrepareSysctls(const v1::PrepareSysctlsRequest& request, absl::Duration timeout,
                              OnResponse<v1::PrepareSysctlsResponse> on_response) = 0;
  virtual void ApplySysctls(const v1::ApplySysctlsRequest& request, absl::Duration timeout,
                            OnResponse<v1::ApplySysctlsResponse> on_response) = 0;
  // Over a connection of its own, made for this call.
  virtual void ConfirmSysctls(const v1::ConfirmSysctlsRequest& request, absl::Duration timeout,
                              OnResponse<v1::ConfirmSysctlsResponse> on_response) = 0;
  virtual void RollbackSysctls(const v1::RollbackSysctlsRequest& request, absl::Duration timeout,
                               OnResponse<v1::RollbackSysctlsResponse> on_response) = 0;
  virtual std::unique_ptr<StreamCall> ListSysctlTransactions(
      const v1::ListSysctlTransactionsRequest& request, absl::Duration timeout,
      OnMessage<v1::ListSysctlTransactionsResponse> on_message, OnDone on_done) = 0;

  virtual std::unique_ptr<StreamCall> SnapshotKernel(
      const v1::SnapshotKernelRequest& request, absl::Duration timeout,
      OnMessage<v1::SnapshotKernelResponse> on_message, OnDone on_done) = 0;
  // Runs until cancelled.
  virtual std::unique_ptr<StreamCall> WatchKernel(const v1::WatchKernelRequest& request,
                                                  OnMessage<v1::WatchKernelResponse> on_message,
                                                  OnDone on_done) = 0;

  virtual std::unique_ptr<StreamCall> Probe(const v1::ProbeRequest& request, absl::Duration timeout,
                                            OnMessage<v1::ProbeResponse> on_message,
                                            OnDone on_done) = 0;

  // Runs until the agent finishes it, the connection breaks, or it is cancelled.
  virtual std::unique_ptr<RunCall> Run(OnMessage<v1::RunResponse> on_message, OnDone on_done) = 0;
};

// A client over gRPC for HOST:PORT or unix:/path. Connects at the first call. InvalidArgument for a
// malformed address or unusable TLS files. Destroy it only after all its calls have ended, and not
// inside a callback.
absl::StatusOr<std::unique_ptr<AgentClient>> NewGrpcAgentClient(const std::string& address,
                                                                const rpc::TlsFiles& tls);

}  // namespace tcpfleet::controller
