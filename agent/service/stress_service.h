#pragma once

#include "agent/service/run_registry.h"
#include "tcpfleet/v1/stress.grpc.pb.h"

namespace tcpfleet::agent {

class StressService final : public v1::StressService::CallbackService {
 public:
  explicit StressService(RunRegistry* runs) : runs_(runs) {}

  grpc::ServerBidiReactor<v1::RunRequest, v1::RunResponse>* Run(
      grpc::CallbackServerContext* context) override;

 private:
  RunRegistry* const runs_;
};

}  // namespace tcpfleet::agent
