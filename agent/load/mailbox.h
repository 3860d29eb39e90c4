// Hands the results of one load thread to the supervisor, without either waiting for the other
// longer than a swap or an addition of histograms takes.
//
// Threads: Post* are for the load thread, Take for the supervisor.
// Bounds:  what is not taken is merged, so a mailbox never grows beyond one report.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/load/counters.h"
#include "agent/load/exemplars.h"
#include "agent/load/paged_histogram.h"
#include "agent/load/target_numbers.h"
#include "agent/load/tcp_info_sampler.h"
#include "common/base/mutex.h"
#include "common/stats/histogram.h"

namespace tcpfleet::agent {

// Connection rows of a run in one frame; the rest is counted as dropped.
inline constexpr size_t kMostLiveRows = 16'384;
inline constexpr size_t kMostClosedRows = 4'096;

struct RunHistograms {
  stats::Histogram connect_ns;
  stats::Histogram response_ns;
  // With a schedule.
  stats::Histogram service_ns;
  stats::Histogram lateness_ns;
  // Of connect_ns, by SYN retransmissions.
  PagedHistogram connect_one_ns;
  PagedHistogram connect_more_ns;
  TcpInfoHistograms tcp_info;

  void Merge(const RunHistograms& other);
  void Clear();
};

struct WorkerReport {
  int64_t monotonic_ns = 0;  // of the counts; 0: nothing was posted yet
  bool measured = false;
  bool final = false;
  Counters counters;
  TcpInfoCounts tcp_info;
  RunHistograms histograms;            // since the last Take
  std::vector<TargetNumbers> targets;  // as asked for; their histograms since the last Take
  std::vector<SlowOperation> slowest;  // with `final`

  int64_t sweep_ns = 0;                     // when the last sweep finished
  std::vector<RawConnectionSample> live;    // of that sweep
  std::vector<RawConnectionSample> closed;  // since the last Take
  uint64_t dropped_rows = 0;                // since the last Take
};

class Mailbox {
 public:
  Mailbox(size_t closed_rows, size_t targets) : closed_rows_(closed_rows) {
    report_.targets.resize(targets);
  }

  // Takes the counts of `report`, and moves its histograms and closed connections out.
  void Post(WorkerReport& report);
  void PostSweep(int64_t now_ns, std::vector<RawConnectionSample>& live);
  // The warm-up is over: forgets histograms that were not taken.
  void Restart();

  // Overwrites `report` with the latest counts and with what has gathered since the last call.
  // False when nothing was posted since: `report` stays as it is.
  bool Take(WorkerReport& report);

 private:
  const size_t closed_rows_;
  base::Mutex mutex_;
  bool has_news_ ABSL_GUARDED_BY(mutex_) = false;
  WorkerReport report_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tcpfleet::agent
