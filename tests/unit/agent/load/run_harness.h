// Runs of the load engine inside the test process, with everything they said.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/load/load_run.h"
#include "common/base/ip_address.h"
#include "common/base/mutex.h"
#include "common/stats/histogram.h"
#include "common/sys/net_namespace.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {

struct RunEvents {
  std::optional<v1::Prepared> prepared;
  std::optional<v1::Armed> armed;
  std::optional<v1::Started> started;
  std::vector<v1::Progress> progress;
  std::vector<v1::ConnectionFrame> frames;
  std::optional<v1::Finished> finished;
  std::optional<absl::Status> done;

  // The final numbers.
  const v1::RunCounters& counters() const { return progress.back().counters(); }
};

class RecordingSink final : public RunEventSink {
 public:
  bool Ready() override;
  void Send(v1::RunResponse event) override;
  void Done(absl::Status status) override;

  void SetReady(bool ready);
  // What has come, as soon as `enough` is true of it. Fails the test after 20 s.
  RunEvents WaitFor(const std::function<bool(const RunEvents&)>& enough);

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  RunEvents events_ ABSL_GUARDED_BY(mutex_);
  bool ready_ ABSL_GUARDED_BY(mutex_) = true;
};

class TestRun {
 public:
  explicit TestRun(const AgentLoadLimits& limits = {}, const LoadRunOptions& options = {});
  // Sends Prepare and waits for Prepared or the refusal.
  void Prepare(const v1::StressSpec& spec);
  void Start(int64_t monotonic_ns);
  void Stop();
  RunEvents WaitFor(const std::function<bool(const RunEvents&)>& enough) {
    return sink_->WaitFor(enough);
  }
  RunEvents WaitForEnd();
  LoadRun& run() { return *run_; }
  RecordingSink& sink() { return *sink_; }

 private:
  LoadBudget budget_;
  std::shared_ptr<RecordingSink> sink_;
  std::unique_ptr<LoadRun> run_;
};

using Spec = v1::StressSpec;

// A client's spec for `target`: 8 connections on 2 threads, 300 ms, intervals of 100 ms.
Spec ClientSpec(Spec::Workload workload, const std::string& host, uint32_t port);
Spec ClientSpec(Spec::Workload workload, const base::Endpoint& target);

// Runs a client to its end.
RunEvents RunClient(const Spec& spec);

struct PairEvents {
  RunEvents client;
  RunEvents server;
};
// Runs `spec` against a server of the engine, which takes the spec's first target's port.
PairEvents RunPair(Spec spec);

// attempted = succeeded + failed + cancelled + in_flight in every Progress, and 0 in flight at the
// end.
void ExpectAccountHolds(const RunEvents& events);

// One of a Progress's histograms, added up over the measured time.
stats::Histogram Sum(const RunEvents& events,
                     const v1::HistogramDelta& (v1::Progress::*part)() const);

uint64_t Failed(const RunEvents& events, const std::string& name);

int64_t InMs(int64_t ms);

}  // namespace tcpfleet::agent
