// The numbers of one load thread. attempted = succeeded + failed + cancelled + in_flight at every
// moment, so the sum over threads holds too, whenever each of them was read.
#pragma once

#include <cstdint>

#include "agent/load/errno_counts.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

// Threads: one owner.
struct Counters {
  uint64_t attempted = 0;
  uint64_t succeeded = 0;
  ErrnoCounts failed;
  uint64_t cancelled = 0;
  uint64_t in_flight = 0;
  uint64_t active = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t opened = 0;    // whole run
  uint64_t accepted = 0;  // whole run
  uint64_t lost = 0;
  ErrnoCounts accept_failed;
  int64_t cpu_ns = 0;
  int64_t measured_ns = 0;

  void Attempt() {
    ++attempted;
    ++in_flight;
  }
  void Succeed() {
    ++succeeded;
    --in_flight;
  }
  void Fail(int error) {
    failed.Add(error);
    --in_flight;
  }
  // The end of the run cuts off what is under way.
  void CancelInFlight();
  // The end of the warm-up: operations under way are the first of the measured time.
  void Restart();

  void Merge(const Counters& other);
};

// `counters.measured_ns` is not additive; the caller gives the run's.
v1::RunCounters ToProto(const Counters& counters, int64_t measured_ns);

}  // namespace tcpfleet::agent
