// What moved between the two snapshots of a host. Pure.
#pragma once

#include <google/protobuf/map.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// The newest of a host.
const v1::KernelSnapshot& LatestOf(const v1::StackHost& host);

// From the first snapshot of a host to its last.
struct StackInterval {
  double seconds = 0;
  // Why nothing can be said of the time between: only one snapshot (then it is empty too), a
  // reboot, a clock that stood still.
  std::string why_not;
  bool known() const { return seconds > 0; }
};
StackInterval IntervalOf(const v1::StackHost& host);

// The same network namespace in the first snapshot; null when there is none to compare with.
const v1::NamespaceStatistics* BeforeOf(const v1::NamespaceStatistics& now,
                                        const v1::StackHost& host);

struct CounterMove {
  std::string name;
  uint64_t before = 0;
  uint64_t after = 0;

  // Then there is no rate.
  bool went_back() const { return after < before; }
  uint64_t change() const { return went_back() ? 0 : after - before; }
};

// Counters in both whose values differ, by name.
using CounterMap = google::protobuf::Map<std::string, uint64_t>;
std::vector<CounterMove> Moves(const CounterMap& before, const CounterMap& after);

}  // namespace tcpfleet::controller
