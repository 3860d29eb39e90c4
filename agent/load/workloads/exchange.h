#pragma once

#include <cstdint>

#include "agent/load/client_worker.h"

namespace tcpfleet::agent {

// One request and its response on an open connection, as crr and rr do it.
class Exchange {
 public:
  explicit Exchange(const RunPlan& plan)
      : request_bytes_(plan.spec.request_bytes()), response_bytes_(plan.spec.response_bytes()) {}

  enum class Result : uint8_t { kWaiting, kDone, kFailed };

  // Begins with as much of the request as the socket takes. A failure has been accounted.
  Result Begin(ClientWorker& worker, Slot& slot) const;
  // Goes on after an event.
  Result Continue(ClientWorker& worker, Slot& slot, uint32_t events) const;

 private:
  static Result Send(ClientWorker& worker, Slot& slot);
  static Result Receive(ClientWorker& worker, Slot& slot);

  uint32_t request_bytes_;
  uint32_t response_bytes_;
};

}  // namespace tcpfleet::agent
