// Adds up what the load threads report, into the events of the contract.
//
// Threads: not thread-safe; the supervisor's.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "agent/load/mailbox.h"
#include "common/sockets/frame_encoder.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

class ReportMerger {
 public:
  // `network_namespace`: inode of the namespace of the test sockets, for frames.
  ReportMerger(size_t workers, uint64_t network_namespace);

  // Takes what is in the mailbox of `worker`.
  void Collect(size_t worker, Mailbox& mailbox);

  // Latest counts posted by `worker`, and its latest sweep, are not older than `boundary_ns`.
  bool HasReported(size_t worker, int64_t boundary_ns) const;
  bool HasSwept(size_t worker, int64_t boundary_ns) const;

  // Nothing more will come.
  bool AllFinal() const;

  // False while some workers are in the warm-up and others are not: their numbers do not add up to
  // anything then.
  bool IsConsistent() const;

  // Numbers up to now; the histograms are those since the last call.
  v1::Progress TakeProgress();
  // The slowest `most` operations of all workers, once they are final.
  void AddExemplars(uint32_t most, v1::Progress& progress);
  // Connections up to now; those that closed since the last call.
  v1::ConnectionFrame TakeFrame(int64_t now_ns);
  // The last frame could not say of every closed connection that it closed; another will.
  bool NeedsAnotherFrame() const { return encoder_.HasUnsentCloses(); }

 private:
  // Kept apart, because one worker may leave the warm-up an instant before another.
  struct Distributions {
    RunHistograms run;
    std::vector<TargetNumbers> targets;
  };

  bool AllMeasured() const;
  void AddTargets(Distributions& distributions, v1::Progress& progress) const;
  sockets::ConnectionSample ToSample(const RawConnectionSample& raw) const;

  const uint64_t network_namespace_;
  std::vector<WorkerReport> reports_;  // by worker
  Distributions warmup_;
  Distributions measured_;
  std::vector<RawConnectionSample> closed_;
  // Cookies closed in this frame and the one before: a sweep may have seen them alive earlier.
  std::unordered_set<uint64_t> ended_;
  std::unordered_set<uint64_t> ended_before_;
  uint64_t dropped_rows_ = 0;
  sockets::FrameEncoder encoder_;
  uint64_t polls_ = 0;
};

}  // namespace tcpfleet::agent
