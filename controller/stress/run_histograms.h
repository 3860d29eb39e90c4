// The histograms of a run: of one agent, of an interval, or of all clients together.
#pragma once

#include <absl/status/status.h>

#include "controller/stress/merged_histogram.h"
#include "tcpfleet/v1/report.pb.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::controller {

// As in Progress: latencies in nanoseconds, RTT in microseconds.
struct RunHistograms {
  MergedHistogram connect_ns;
  MergedHistogram connect_one_retransmit_ns;
  MergedHistogram connect_more_retransmits_ns;
  MergedHistogram response_ns;
  bool open_loop = false;  // there is a schedule: what follows is measured by itself
  MergedHistogram service_ns;
  MergedHistogram lateness_ns;
  MergedHistogram rtt_us;
  MergedHistogram min_rtt_us;
  MergedHistogram snd_cwnd;

  // InvalidArgument names the histogram that is malformed.
  absl::Status Add(const v1::Progress& progress);
  void Merge(const RunHistograms& other);
  // Only the values.
  void Clear();
};

// Distributions of those that have values. In a closed loop service is response.
void FillDistributions(const RunHistograms& histograms, v1::RunResult& result);

}  // namespace tcpfleet::controller
