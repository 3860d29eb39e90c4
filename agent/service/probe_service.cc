#include "agent/service/probe_service.h"

#include <memory>
#include <utility>

#include "common/base/status_macros.h"
#include "common/rpc/server_stream.h"

namespace tcpfleet::agent {
namespace {

using ProbeStream = rpc::ServerStream<v1::ProbeResponse>;

class StreamSink final : public ProbeSink {
 public:
  explicit StreamSink(std::shared_ptr<ProbeStream> stream) : stream_(std::move(stream)) {}
  bool Ready() override { return stream_->Ready(); }
  void Send(v1::ProbeResponse response) override { stream_->Push(std::move(response)); }
  void Done(absl::Status status) override { stream_->Close(std::move(status)); }

 private:
  const std::shared_ptr<ProbeStream> stream_;
};

absl::StatusOr<std::shared_ptr<InterruptibleWait>> Start(Probes& probes,
                                                         const v1::ProbeRequest& request,
                                                         const std::shared_ptr<ProbeStream>& to) {
  TF_ASSIGN_OR_RETURN(ProbePlan plan, PlanProbe(request));
  return probes.Start(std::move(plan), std::make_shared<StreamSink>(to));
}

}  // namespace

grpc::ServerWriteReactor<v1::ProbeResponse>* ProbeService::Probe(grpc::CallbackServerContext*,
                                                                 const v1::ProbeRequest* request) {
  const std::shared_ptr<ProbeStream> stream = ProbeStream::New();
  const absl::StatusOr<std::shared_ptr<InterruptibleWait>> wait = Start(*probes_, *request, stream);
  if (!wait.ok()) {
    stream->Close(wait.status());
    return stream.get();
  }
  stream->SetOnDone([wait = *wait] { wait->Interrupt(); });
  return stream.get();
}

}  // namespace tcpfleet::agent
