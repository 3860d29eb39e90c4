// The slowest operations of one load thread, with their connection and its TCP_INFO.
//
// Bounds:  at most `most` are kept; in any 10 ms at most kMostReads are looked at, so that a run in
//          which every operation is slower than the one before is not slowed down by this.
// Threads: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "agent/load/slot_list.h"
#include "agent/load/tcp_info_sampler.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

inline constexpr uint32_t kMostExemplars = 64;

struct SlowOperation {
  Operation operation;
  int64_t response_ns = 0;
  RawConnectionSample connection;
};

class Exemplars {
 public:
  static constexpr uint32_t kMostReads = 64;

  explicit Exemplars(uint32_t most);

  // An operation ends on `fd`, which is still open.
  void Offer(const Operation& operation, int fd, int64_t now_ns) {
    if (now_ns - operation.due_ns > threshold_ns_) Keep(operation, fd, now_ns);
  }
  void Clear();

  // In no order. Moves them out of the exemplars of a thread that has ended.
  std::vector<SlowOperation> Take();

 private:
  void Keep(const Operation& operation, int fd, int64_t now_ns);
  bool MayRead(int64_t now_ns);

  const size_t most_;
  // Slower than this is wanted.
  int64_t threshold_ns_;
  int64_t reads_since_ns_ = 0;
  uint32_t reads_ = 0;
  std::vector<SlowOperation> heap_;  // the fastest of them first
};

// The slowest `most` of them, slowest first.
void AddSlowest(std::vector<SlowOperation>& operations, uint32_t most, v1::Progress& progress);

}  // namespace tcpfleet::agent
