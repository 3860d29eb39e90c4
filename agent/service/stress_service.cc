#include "agent/service/stress_service.h"

#include <memory>
#include <utility>

#include "common/rpc/server_stream.h"

namespace tcpfleet::agent {
namespace {

using RunStream = rpc::ServerDuplexStream<v1::RunRequest, v1::RunResponse>;

class StreamSink final : public RunEventSink {
 public:
  explicit StreamSink(std::shared_ptr<RunStream> stream) : stream_(std::move(stream)) {}
  bool Ready() override { return stream_->Ready(); }
  void Send(v1::RunResponse event) override { stream_->Push(std::move(event)); }
  void Done(absl::Status status) override { stream_->Close(std::move(status)); }

 private:
  const std::shared_ptr<RunStream> stream_;
};

}  // namespace

grpc::ServerBidiReactor<v1::RunRequest, v1::RunResponse>* StressService::Run(
    grpc::CallbackServerContext*) {
  const std::shared_ptr<RunStream> stream = RunStream::New();
  // The registry owns the run; the stream only knows it while it lives.
  const std::weak_ptr<LoadRun> run = runs_->Create(std::make_shared<StreamSink>(stream));
  if (run.expired()) stream->Close(absl::UnavailableError("the agent is stopping"));
  stream->Start({.on_message =
                     [run](v1::RunRequest request) {
                       if (const auto live = run.lock()) live->Handle(std::move(request));
                     },
                 .on_end =
                     [run] {
                       if (const auto live = run.lock())
                         live->Disconnect(v1::Finished::CAUSE_DISCONNECTED);
                     }});
  return stream.get();
}

}  // namespace tcpfleet::agent
