#pragma once

#include "agent/probe/probes.h"
#include "tcpfleet/v1/probe.grpc.pb.h"

namespace tcpfleet::agent {

class ProbeService final : public v1::ProbeService::CallbackService {
 public:
  explicit ProbeService(Probes* probes) : probes_(probes) {}

  grpc::ServerWriteReactor<v1::ProbeResponse>* Probe(grpc::CallbackServerContext* context,
                                                     const v1::ProbeRequest* request) override;

 private:
  Probes* const probes_;
};

}  // namespace tcpfleet::agent
