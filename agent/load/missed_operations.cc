#include "agent/load/missed_operations.h"

namespace tcpfleet::agent {

uint64_t RecordMissed(ArrivalSequence& arrivals, MissedTime time, stats::Histogram& response_ns) {
  constexpr uint64_t kMostSteps = 1u << 20;
  uint64_t count = 0;
  for (uint64_t steps = 0; arrivals.is_random() && steps < kMostSteps; ++steps) {
    const int64_t due_ns = arrivals.next_ns();
    if (due_ns >= time.until_ns) return count;
    if (due_ns >= time.from_ns) {
      response_ns.Record(static_cast<uint64_t>(time.end_ns - due_ns));
      ++count;
    }
    arrivals.Advance();
  }
  time.from_ns = std::max(time.from_ns, arrivals.next_ns());
  return count + RecordMissed([&](int64_t time_ns) { return arrivals.CountBefore(time_ns); }, time,
                              response_ns);
}

}  // namespace tcpfleet::agent
