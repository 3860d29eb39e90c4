// What a client does with its connections. One file per workload in workloads/.
#pragma once

#include <cstdint>
#include <memory>

#include "agent/load/plan.h"
#include "agent/load/slot_list.h"

namespace tcpfleet::agent {

class ClientWorker;

// Threads: the worker's own.
class Workload {
 public:
  virtual ~Workload() = default;

  // Right after connect(), which on one host often finds the connection open already: 0 when it is,
  // EINPROGRESS when it is not, or the error that ended it.
  virtual int TryEarly(ClientWorker& worker, Slot& slot);

  // An operation is under way on `slot` and its connection is open: just now, or still.
  virtual void OnOpen(ClientWorker& worker, Slot& slot) = 0;

  // Epoll events of an open connection, with an operation under way or without.
  virtual void OnEvent(ClientWorker& worker, Slot& slot, uint32_t events) = 0;

  // The time given to ClientWorker::SetTimer has come, and the connection is open.
  virtual void OnTimer(ClientWorker&, Slot&) {}
};

std::unique_ptr<Workload> NewConnectWorkload();
std::unique_ptr<Workload> NewCrrWorkload(const RunPlan& plan, size_t slots);
std::unique_ptr<Workload> NewRrWorkload(const RunPlan& plan, size_t slots);
std::unique_ptr<Workload> NewHoldWorkload(const RunPlan& plan);
std::unique_ptr<Workload> NewStreamWorkload(const RunPlan& plan);

// `slots`: of the worker.
std::unique_ptr<Workload> NewWorkload(const RunPlan& plan, size_t slots);

}  // namespace tcpfleet::agent
