// The numbers of every target by itself, for runs that ask for them.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/load/paged_histogram.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

inline constexpr int kMostSingleTargets = 256;

// Counters since the end of the warm-up; histograms as long as nobody has taken them.
//
// Threads: one owner.
struct TargetNumbers {
  uint64_t attempted = 0;
  uint64_t succeeded = 0;
  uint64_t failed = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  PagedHistogram connect_ns;
  PagedHistogram response_ns;
  PagedHistogram rtt_us;

  void CopyCountsFrom(const TargetNumbers& other);
  void AddCounts(const TargetNumbers& other);
  void MergeHistograms(const TargetNumbers& other);
  void ClearHistograms();
  // As Counters::Restart.
  void Restart(bool keep_operations);
};

void AddToProto(const TargetNumbers& numbers, v1::Progress& progress);

}  // namespace tcpfleet::agent
