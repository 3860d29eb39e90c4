// The numbers of one load thread. attempted = succeeded + failed + cancelled + in_flight at every
// moment, so the sum over threads holds too, whenever each of them was read.
#pragma once

#include <array>
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
  uint64_t dead = 0;                    // part of `lost`
  uint64_t reconnects = 0;              // whole run
  std::array<uint64_t, 5> by_status{};  // HTTP responses, [0] is 1xx
  ErrnoCounts accept_failed;
  int64_t cpu_ns = 0;
  int64_t measured_ns = 0;

  void Attempt() {
    ++attempted;
    ++in_flight;
  }
  // Due in the measured time, and never started.
  void MissOperations(uint64_t count) {
    attempted += count;
    failed.Add(kNotSent, count);
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
  // The end of the warm-up: what was due in it is not counted, even if it is still under way.
  // Connections that stay are what the measured time is about: their opening goes on counting.
  void Restart(bool keep_operations);
  // What is counted by the time at which it happens, not by operations: as it was at the end of the
  // measured time.
  void TakeTimed(const Counters& at_end);

  void Merge(const Counters& other);
};

// `counters.measured_ns` is not additive; the caller gives the run's.
v1::RunCounters ToProto(const Counters& counters, int64_t measured_ns);

}  // namespace tcpfleet::agent
