// What one agent has reported in one role of a run, merged: the numbers behind one RunResult.
//
// Units:   as on the wire: latencies in nanoseconds, RTT in microseconds.
// Threads: not thread-safe; one owner.
// Errors:  InvalidArgument (a Progress that cannot be true), DataLoss (a broken ConnectionFrame);
//          what was merged before stays.
// Bounds:  kMostFailureClasses classes; a histogram takes 60 KB once something was recorded.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/sockets/frame_decoder.h"
#include "common/stats/histogram.h"
#include "tcpfleet/v1/report.pb.h"
#include "tcpfleet/v1/sockets.pb.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::controller {

inline constexpr int kMostFailureClasses = 64;

struct RunHistograms {
  std::optional<stats::Histogram> connect_ns;
  std::optional<stats::Histogram> response_ns;
  std::optional<stats::Histogram> rtt_us;
  std::optional<stats::Histogram> min_rtt_us;
  std::optional<stats::Histogram> snd_cwnd;

  // InvalidArgument names the histogram that is malformed.
  absl::Status Add(const v1::Progress& progress);
  void Merge(const RunHistograms& other);
  void Clear();
};

// Of the latest interval.
struct LivePercentiles {
  double p50 = 0;
  double p99 = 0;
};
struct LiveNumbers {
  bool reported = false;  // there was a Progress
  bool measured = false;  // the warm-up has passed
  std::optional<double> rate_per_second;
  uint64_t active = 0;
  uint64_t failed = 0;
  std::optional<LivePercentiles> connect_us;
  std::optional<LivePercentiles> response_us;
  std::optional<LivePercentiles> rtt_us;
  std::optional<uint64_t> retransmits;  // absent when no connection is sampled
};

std::optional<LivePercentiles> PercentilesOf(const std::optional<stats::Histogram>& histogram,
                                             double unit);

class Measurement {
 public:
  absl::Status Apply(const v1::Progress& progress);
  absl::Status Apply(const v1::ConnectionFrame& frame);

  const LiveNumbers& live() const { return live_; }
  uint64_t peak_active() const { return peak_active_; }
  // RTT in microseconds of every connection in the latest frame.
  const std::vector<uint64_t>& live_rtts_us() const { return live_rtts_us_; }
  // Connections the agent samples now.
  size_t sampled_now() const { return decoder_.rows().size(); }
  // The first Progress whose counters did not add up; empty when all did.
  const std::string& broken_identity() const { return broken_identity_; }

  // Numbers of the measured time; only the whole-run counters when the warm-up has not passed.
  void FillResult(v1::RunResult& result) const;
  // Adds them to those of other agents; the derived ones are left for FinishTotal.
  void AddTo(v1::RunResult& total, RunHistograms& histograms) const;

 private:
  void UpdateLive(const v1::Progress& progress);

  v1::RunCounters counters_;
  std::optional<v1::TcpInfoSummary> tcp_info_;  // the scalars; its histograms are in histograms_
  RunHistograms histograms_;
  bool measured_ = false;
  int64_t counted_at_ns_ = 0;
  uint64_t peak_active_ = 0;
  std::string broken_identity_;
  sockets::FrameDecoder decoder_;
  std::vector<uint64_t> live_rtts_us_;
  LiveNumbers live_;
};

// Percentiles, percentages and rates of a total from its sums and merged histograms.
void FinishTotal(const RunHistograms& histograms, v1::RunResult& total);

uint64_t FailedOperations(const v1::RunResult& result);

}  // namespace tcpfleet::controller
