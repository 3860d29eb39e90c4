#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/load/client_worker.h"
#include "agent/load/workloads/response_framer.h"

namespace tcpfleet::agent {

// Requests and their responses on open connections, as crr and rr make them.
class Exchange {
 public:
  // `slots`: of the worker.
  Exchange(const RunPlan& plan, size_t slots);

  enum class Result : uint8_t {
    kWaiting,
    kDone,      // one response or more came to its end
    kLastDone,  // the same, and the server answers no more on this connection
    kFailed,    // accounted, and the connection is closed
  };

  // Workload::TryEarly by sending the first request.
  int TryEarly(ClientWorker& worker, Slot& slot) const;
  // Begins with as much of the request of an operation just started as the socket takes.
  Result Begin(ClientWorker& worker, Slot& slot);
  // Goes on after an event.
  Result Continue(ClientWorker& worker, Slot& slot, uint32_t events);

 private:
  absl::Span<const std::byte> Unsent(const Slot& slot) const;
  uint32_t RequestBytesOf(const Slot& slot) const;
  bool IsOldestSent(const Slot& slot) const;
  Result Send(ClientWorker& worker, Slot& slot) const;
  Result Receive(ClientWorker& worker, Slot& slot, uint32_t events);
  Result Take(ClientWorker& worker, Slot& slot, absl::Span<const std::byte> bytes);
  Result TakeFixed(ClientWorker& worker, Slot& slot, size_t received) const;
  Result TakeFramed(ClientWorker& worker, Slot& slot, const FoundResponses& found);
  Result Ended(ClientWorker& worker, Slot& slot, ssize_t received);

  const uint32_t request_bytes_;
  const uint32_t response_bytes_;
  std::vector<std::string> requests_;  // by target; empty: request_bytes_ zeros
  const std::unique_ptr<ResponseFramer> framer_;
};

}  // namespace tcpfleet::agent
