// Agents and time for tests of what talks to agents.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "controller/fleet/agent_client.h"
#include "controller/fleet/fleet.h"

namespace tcpfleet::controller {

class FakeClock final : public base::Clock {
 public:
  int64_t MonotonicNs() const override { return now_ns; }
  absl::Time Now() const override { return absl::FromUnixSeconds(1'700'000'000); }
  bool SleepUntil(int64_t deadline_ns, std::stop_token stop) override {
    now_ns = deadline_ns;
    return !stop.stop_requested();
  }
  int64_t now_ns = 0;
};

// Answers within the call, as its functions say.
class FakeAgentClient : public AgentClient {
 public:
  void Describe(absl::Duration, OnResponse<v1::DescribeResponse> on_response) override {
    on_response(describe());
  }
  void ProbeClock(absl::Duration, OnResponse<v1::ProbeClockResponse> on_response) override {
    on_response(probe_clock());
  }
  std::unique_ptr<StreamCall> Snapshot(const v1::SnapshotRequest& request, absl::Duration,
                                       OnMessage<v1::SnapshotResponse> on_message,
                                       OnDone on_done) override {
    if (on_snapshot) on_snapshot(request);
    for (const v1::ConnectionFrame& frame : frames) {
      v1::SnapshotResponse response;
      *response.mutable_frame() = frame;
      on_message(std::move(response));
    }
    on_done(snapshot_status);
    return std::make_unique<EndedCall>();
  }
  std::unique_ptr<StreamCall> Watch(const v1::WatchRequest& request,
                                    OnMessage<v1::WatchResponse> on_message,
                                    OnDone on_done) override {
    return on_watch ? on_watch(request, std::move(on_message), std::move(on_done)) : nullptr;
  }
  std::unique_ptr<StreamCall> ReadSysctls(const v1::ReadSysctlsRequest& request, absl::Duration,
                                          OnMessage<v1::ReadSysctlsResponse> on_message,
                                          OnDone on_done) override {
    on_done(read_sysctls(request, on_message));
    return std::make_unique<EndedCall>();
  }
  void PrepareSysctls(const v1::PrepareSysctlsRequest& request, absl::Duration,
                      OnResponse<v1::PrepareSysctlsResponse> on_response) override {
    on_response(prepare_sysctls(request));
  }
  void ApplySysctls(const v1::ApplySysctlsRequest& request, absl::Duration,
                    OnResponse<v1::ApplySysctlsResponse> on_response) override {
    on_response(apply_sysctls(request));
  }
  void ConfirmSysctls(const v1::ConfirmSysctlsRequest& request, absl::Duration,
                      OnResponse<v1::ConfirmSysctlsResponse> on_response) override {
    on_response(confirm_sysctls(request));
  }
  void RollbackSysctls(const v1::RollbackSysctlsRequest& request, absl::Duration,
                       OnResponse<v1::RollbackSysctlsResponse> on_response) override {
    on_response(rollback_sysctls(request));
  }
  std::unique_ptr<StreamCall> ListSysctlTransactions(
      const v1::ListSysctlTransactionsRequest& request, absl::Duration,
      OnMessage<v1::ListSysctlTransactionsResponse> on_message, OnDone on_done) override {
    on_done(list_sysctl_transactions(request, on_message));
    return std::make_unique<EndedCall>();
  }
  std::unique_ptr<StreamCall> SnapshotKernel(const v1::SnapshotKernelRequest& request,
                                             absl::Duration,
                                             OnMessage<v1::SnapshotKernelResponse> on_message,
                                             OnDone on_done) override {
    on_done(snapshot_kernel(request, on_message));
    return std::make_unique<EndedCall>();
  }
  std::unique_ptr<StreamCall> WatchKernel(const v1::WatchKernelRequest& request,
                                          OnMessage<v1::WatchKernelResponse> on_message,
                                          OnDone on_done) override {
    return on_watch_kernel ? on_watch_kernel(request, std::move(on_message), std::move(on_done))
                           : nullptr;
  }
  std::unique_ptr<StreamCall> Probe(const v1::ProbeRequest& request, absl::Duration,
                                    OnMessage<v1::ProbeResponse> on_message,
                                    OnDone on_done) override {
    on_done(probe(request, on_message));
    return std::make_unique<EndedCall>();
  }
  std::unique_ptr<RunCall> Run(OnMessage<v1::RunResponse>, OnDone) override { return nullptr; }

  std::function<absl::StatusOr<v1::DescribeResponse>()> describe = [] {
    return v1::DescribeResponse();
  };
  std::function<absl::StatusOr<v1::ProbeClockResponse>()> probe_clock = [] {
    return v1::ProbeClockResponse();
  };
  std::function<absl::Status(const v1::ReadSysctlsRequest&,
                             const OnMessage<v1::ReadSysctlsResponse>&)>
      read_sysctls = [](const auto&, const auto&) { return absl::OkStatus(); };
  template <class Request, class Response>
  using Answer = std::function<absl::StatusOr<Response>(const Request&)>;
  Answer<v1::PrepareSysctlsRequest, v1::PrepareSysctlsResponse> prepare_sysctls = [](const auto&) {
    return v1::PrepareSysctlsResponse();
  };
  Answer<v1::ApplySysctlsRequest, v1::ApplySysctlsResponse> apply_sysctls = [](const auto&) {
    return v1::ApplySysctlsResponse();
  };
  Answer<v1::ConfirmSysctlsRequest, v1::ConfirmSysctlsResponse> confirm_sysctls = [](const auto&) {
    return v1::ConfirmSysctlsResponse();
  };
  Answer<v1::RollbackSysctlsRequest, v1::RollbackSysctlsResponse> rollback_sysctls =
      [](const auto&) { return v1::RollbackSysctlsResponse(); };
  template <class Request, class Response>
  using Stream = std::function<absl::Status(const Request&, const OnMessage<Response>&)>;
  Stream<v1::ListSysctlTransactionsRequest, v1::ListSysctlTransactionsResponse>
      list_sysctl_transactions = [](const auto&, const auto&) { return absl::OkStatus(); };
  Stream<v1::ProbeRequest, v1::ProbeResponse> probe = [](const auto&, const auto&) {
    return absl::OkStatus();
  };
  Stream<v1::SnapshotKernelRequest, v1::SnapshotKernelResponse> snapshot_kernel =
      [](const auto&, const auto&) { return absl::OkStatus(); };
  std::function<std::unique_ptr<StreamCall>(const v1::WatchKernelRequest&,
                                            OnMessage<v1::WatchKernelResponse>, OnDone)>
      on_watch_kernel;
  std::vector<v1::ConnectionFrame> frames;
  absl::Status snapshot_status;
  std::function<void(const v1::SnapshotRequest&)> on_snapshot;
  std::function<std::unique_ptr<StreamCall>(const v1::WatchRequest&, OnMessage<v1::WatchResponse>,
                                            OnDone)>
      on_watch;

 private:
  class EndedCall final : public StreamCall {
    void Cancel() override {}
  };
};

// A fleet of fakes named a1, a2, ... at HOST:7117; `clients` stay valid as long as the fleet.
struct FakeFleet {
  explicit FakeFleet(size_t size) {
    std::vector<FleetMember> members;
    for (size_t i = 1; i <= size; ++i) {
      const std::string name = "a" + std::to_string(i);
      auto client = std::make_unique<FakeAgentClient>();
      clients.push_back(client.get());
      members.push_back({{name, name + ":7117", {}}, std::move(client)});
    }
    fleet = std::make_unique<Fleet>(std::move(members), FleetOptions{});
  }
  std::vector<FakeAgentClient*> clients;
  std::unique_ptr<Fleet> fleet;
};

}  // namespace tcpfleet::controller
