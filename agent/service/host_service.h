#pragma once

#include <functional>

#include "tcpfleet/v1/host.grpc.pb.h"

namespace tcpfleet::agent {

class HostService final : public v1::HostService::CallbackService {
 public:
  // `describe` is called by gRPC threads, several at a time; it must not block.
  explicit HostService(std::function<v1::DescribeResponse()> describe);

  grpc::ServerUnaryReactor* Describe(grpc::CallbackServerContext* context,
                                     const v1::DescribeRequest* request,
                                     v1::DescribeResponse* response) override;
  grpc::ServerUnaryReactor* ProbeClock(grpc::CallbackServerContext* context,
                                       const v1::ProbeClockRequest* request,
                                       v1::ProbeClockResponse* response) override;

 private:
  const std::function<v1::DescribeResponse()> describe_;
};

}  // namespace tcpfleet::agent
