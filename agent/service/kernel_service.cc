#include "agent/service/kernel_service.h"

#include <memory>
#include <utility>

#include "common/rpc/server_stream.h"

namespace tcpfleet::agent {
namespace {

constexpr size_t kMostWaitingSnapshots = 32;

using SnapshotStream = rpc::ServerStream<v1::SnapshotKernelResponse>;
using WatchStream = rpc::ServerStream<v1::WatchKernelResponse>;

class WatchSink final : public KernelSink {
 public:
  explicit WatchSink(std::shared_ptr<WatchStream> stream) : stream_(std::move(stream)) {}
  bool Ready() override { return stream_->Ready(); }
  void Send(const v1::KernelSnapshot& snapshot) override {
    v1::WatchKernelResponse response;
    *response.mutable_snapshot() = snapshot;
    stream_->Push(std::move(response));
  }
  void Fail(const absl::Status& status) override { stream_->Close(status); }

 private:
  const std::shared_ptr<WatchStream> stream_;
};

}  // namespace

grpc::ServerWriteReactor<v1::SnapshotKernelResponse>* KernelService::Snapshot(
    grpc::CallbackServerContext*, const v1::SnapshotKernelRequest* request) {
  const std::shared_ptr<SnapshotStream> stream = SnapshotStream::New();
  absl::StatusOr<v1::SnapshotKernelRequest> plan = PlanKernelSnapshot(*request);
  if (plan.ok() && tasks_->waiting() >= kMostWaitingSnapshots) {
    plan = absl::ResourceExhaustedError("too many snapshots wait on this agent; try again");
  }
  if (!plan.ok()) {
    stream->Close(plan.status());
    return stream.get();
  }
  tasks_->Post([reader = reader_, stream, plan = *std::move(plan)] {
    stream->Push(reader->Answer(plan));
    stream->Close(absl::OkStatus());
  });
  return stream.get();
}

grpc::ServerWriteReactor<v1::WatchKernelResponse>* KernelService::Watch(
    grpc::CallbackServerContext*, const v1::WatchKernelRequest* request) {
  const std::shared_ptr<WatchStream> stream = WatchStream::New();
  absl::StatusOr<std::unique_ptr<KernelHub::Subscription>> subscription =
      hub_->Watch(*request, std::make_shared<WatchSink>(stream));
  if (!subscription.ok()) {
    stream->Close(subscription.status());
    return stream.get();
  }
  // Unsubscribing may wait for a call under way, so a gRPC thread only passes the subscription on.
  stream->SetOnDone([tasks = tasks_, shared = std::shared_ptr<KernelHub::Subscription>(
                                         *std::move(subscription))]() mutable {
    tasks->Post([last = std::move(shared)]() mutable { last.reset(); });
  });
  return stream.get();
}

}  // namespace tcpfleet::agent
