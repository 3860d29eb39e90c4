#include "agent/service/host_service.h"

#include <utility>

#include "common/base/clock.h"

namespace tcpfleet::agent {
namespace {

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace

HostService::HostService(std::function<v1::DescribeResponse()> describe)
    : describe_(std::move(describe)) {}

grpc::ServerUnaryReactor* HostService::Describe(grpc::CallbackServerContext* context,
                                                const v1::DescribeRequest*,
                                                v1::DescribeResponse* response) {
  *response = describe_();
  return Answer(context);
}

grpc::ServerUnaryReactor* HostService::ProbeClock(grpc::CallbackServerContext* context,
                                                  const v1::ProbeClockRequest*,
                                                  v1::ProbeClockResponse* response) {
  response->set_monotonic_ns(base::MonotonicNowNs());
  return Answer(context);
}

}  // namespace tcpfleet::agent
