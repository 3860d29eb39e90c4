#pragma once

#include <algorithm>
#include <cstdint>

#include "agent/load/schedule.h"
#include "common/stats/histogram.h"

namespace tcpfleet::agent {

// Part of the time in which operations were due, and when the run was over.
struct MissedTime {
  int64_t from_ns;
  int64_t until_ns;  // not after end_ns
  int64_t end_ns;
};

// Records of operations that were due and never started how long they have waited, and returns how
// many there are. `count_before` tells how many of them were due before a time. One step per
// bucket of the histogram, however many they are; extremes and sum are to within a bucket.
template <class CountBefore>
uint64_t RecordMissed(const CountBefore& count_before, const MissedTime& time,
                      stats::Histogram& response_ns) {
  const uint64_t before = count_before(time.from_ns);
  const uint64_t all = time.from_ns < time.until_ns ? count_before(time.until_ns) : before;
  uint64_t counted = before;
  for (int64_t begin_ns = time.from_ns; counted < all;) {
    const size_t bucket = stats::Histogram::BucketOf(static_cast<uint64_t>(time.end_ns - begin_ns));
    const auto shortest = static_cast<int64_t>(stats::Histogram::BucketStart(bucket));
    const int64_t next_ns = std::min(time.until_ns, time.end_ns - shortest + 1);
    const uint64_t count = count_before(next_ns) - counted;
    if (count > 0) {
      const auto longest_ns = static_cast<uint64_t>(time.end_ns - begin_ns);
      const auto shortest_ns = static_cast<uint64_t>(time.end_ns - next_ns + 1);
      response_ns.AddBucket(bucket, count);
      response_ns.AddSummary(
          shortest_ns, longest_ns,
          static_cast<double>(longest_ns + shortest_ns) / 2 * static_cast<double>(count));
    }
    counted += count;
    begin_ns = next_ns;
  }
  return all - before;
}

// The same for what is left of a sequence. Exponential arrivals are taken one by one, up to a
// million of them; the expected number stands for more.
uint64_t RecordMissed(ArrivalSequence& arrivals, MissedTime time, stats::Histogram& response_ns);

}  // namespace tcpfleet::agent
