#include "agent/service/socket_service.h"

#include <memory>
#include <utility>
#include <vector>

#include "common/rpc/server_stream.h"

namespace tcpfleet::agent {
namespace {

constexpr size_t kMostWaitingSnapshots = 32;

using SnapshotStream = rpc::ServerStream<v1::SnapshotResponse>;
using WatchStream = rpc::ServerStream<v1::WatchResponse>;

class WatchSink final : public FrameSink {
 public:
  explicit WatchSink(std::shared_ptr<WatchStream> stream) : stream_(std::move(stream)) {}
  bool Ready() override { return stream_->Ready(); }
  void Send(v1::ConnectionFrame frame) override {
    v1::WatchResponse response;
    *response.mutable_frame() = std::move(frame);
    stream_->Push(std::move(response));
  }
  void Fail(const absl::Status& status) override { stream_->Close(status); }

 private:
  const std::shared_ptr<WatchStream> stream_;
};

}  // namespace

grpc::ServerWriteReactor<v1::SnapshotResponse>* SocketService::Snapshot(
    grpc::CallbackServerContext*, const v1::SnapshotRequest* request) {
  const std::shared_ptr<SnapshotStream> stream = SnapshotStream::New();
  if (tasks_->waiting() >= kMostWaitingSnapshots) {
    stream->Close(absl::ResourceExhaustedError("too many snapshots wait on this agent; try again"));
    return stream.get();
  }
  tasks_->Post([hub = hub_, stream, request = *request] {
    absl::StatusOr<std::vector<v1::ConnectionFrame>> frames = hub->Snapshot(request);
    if (!frames.ok()) {
      stream->Close(frames.status());
      return;
    }
    for (v1::ConnectionFrame& frame : *frames) {
      v1::SnapshotResponse response;
      *response.mutable_frame() = std::move(frame);
      stream->Push(std::move(response));
    }
    stream->Close(absl::OkStatus());
  });
  return stream.get();
}

grpc::ServerWriteReactor<v1::WatchResponse>* SocketService::Watch(grpc::CallbackServerContext*,
                                                                  const v1::WatchRequest* request) {
  const std::shared_ptr<WatchStream> stream = WatchStream::New();
  absl::StatusOr<std::unique_ptr<Subscription>> subscription =
      hub_->Watch(*request, std::make_shared<WatchSink>(stream));
  if (!subscription.ok()) {
    stream->Close(subscription.status());
    return stream.get();
  }
  // Unsubscribing may wait for the sampler, so a gRPC thread only passes the subscription on.
  stream->SetOnDone(
      [tasks = tasks_, shared = std::shared_ptr<Subscription>(*std::move(subscription))]() mutable {
        tasks->Post([last = std::move(shared)]() mutable { last.reset(); });
      });
  return stream.get();
}

}  // namespace tcpfleet::agent
