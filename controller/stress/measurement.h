// What one agent has reported in one role of a run, merged: the numbers behind one RunResult.
//
// Units:   as on the wire: latencies in nanoseconds, RTT in microseconds.
// Threads: not thread-safe; one owner.
// Errors:  InvalidArgument (a Progress that cannot be true), DataLoss (a broken ConnectionFrame);
//          what was merged before stays.
// Bounds:  those of progress_check.h, and 60 KB per histogram at most.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/sockets/frame_decoder.h"
#include "controller/stress/run_histograms.h"
#include "tcpfleet/v1/report.pb.h"
#include "tcpfleet/v1/sockets.pb.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::controller {

// Of the latest interval.
struct LivePercentiles {
  double p50 = 0;
  double p99 = 0;
};
struct LiveNumbers {
  bool reported = false;  // there was a Progress
  bool measured = false;  // the warm-up has passed
  std::optional<double> rate_per_second;
  std::optional<double> bits_sent_per_second;
  std::optional<double> bits_received_per_second;
  uint64_t active = 0;
  uint64_t failed = 0;
  std::optional<LivePercentiles> connect_us;
  std::optional<LivePercentiles> response_us;
  std::optional<LivePercentiles> lateness_us;
  std::optional<LivePercentiles> rtt_us;
  std::optional<uint64_t> retransmits;  // absent when no connection is sampled
};

std::optional<LivePercentiles> PercentilesOf(const MergedHistogram& histogram, double unit);
// Reorders the values.
std::optional<LivePercentiles> PercentilesOf(std::vector<uint64_t>& values);

// One target's part of a client's numbers.
struct PathNumbers {
  v1::TargetProgress counters;  // without its histograms
  MergedHistogram connect_ns;
  MergedHistogram response_ns;
  MergedHistogram rtt_us;
};

class Measurement {
 public:
  // Before the first Progress: whether there is a schedule, and of how many targets numbers by
  // themselves were asked for.
  void Expect(bool open_loop, size_t targets) {
    histograms_.open_loop = open_loop;
    paths_.resize(targets);
  }

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

  // 0 until the warm-up has passed.
  double measured_seconds() const { return measured_ ? counters_.measured_seconds() : 0; }
  // In the order of the client's targets.
  const std::vector<PathNumbers>& paths() const { return paths_; }
  const std::vector<v1::Exemplar>& exemplars() const { return exemplars_; }

  // Numbers of the measured time; only the whole-run counters when the warm-up has not passed.
  void FillResult(v1::RunResult& result) const;
  // Adds them to those of other agents; the derived ones are left for FinishTotal.
  void AddTo(v1::RunResult& total, RunHistograms& histograms) const;

 private:
  void UpdateLive(const v1::Progress& progress);
  absl::Status ApplyTargets(const v1::Progress& progress);
  void ForgetWarmUp();

  v1::RunCounters counters_;
  std::optional<v1::TcpInfoSummary> tcp_info_;  // the scalars; its histograms are in histograms_
  RunHistograms histograms_;
  std::vector<PathNumbers> paths_;
  std::vector<v1::Exemplar> exemplars_;
  google::protobuf::Map<std::string, int64_t> kernel_counters_;
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
