// Answers SnapshotKernelRequest.
//
// Threads: all functions from any thread; nothing is kept from call to call. Read blocks: some
//          milliseconds, with many sockets 2 us for each, and the search for owners for
//          kLongestSearch at most.
// Errors:  InvalidArgument names the field of the request. What cannot be read is named in the
//          snapshot.
// Bounds:  those of its parts (SocketBudget, kMostInterfaces, kMostNamespaces); what would make a
//          snapshot larger than kMostBytes is left out and named.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstddef>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "tcpfleet/v1/host.pb.h"
#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::agent {

// The request with its defaults filled in, its parts ascending.
absl::StatusOr<v1::SnapshotKernelRequest> PlanKernelSnapshot(
    const v1::SnapshotKernelRequest& request);

class KernelReader {
 public:
  static constexpr absl::Duration kLongestSearch = absl::Seconds(5);
  static constexpr size_t kMostBytes = size_t{48} << 20;

  // `clock` must outlive this.
  explicit KernelReader(const base::Clock* clock, std::string proc_root = "/proc")
      : clock_(clock), proc_root_(std::move(proc_root)) {}

  // `plan` is of PlanKernelSnapshot.
  v1::SnapshotKernelResponse Answer(const v1::SnapshotKernelRequest& plan) const;
  v1::KernelSnapshot Read(const v1::SnapshotKernelRequest& plan) const {
    return std::move(*Answer(plan).mutable_snapshot());
  }

  // Collector "kernel": what every kernel has and cannot be read here. Reads everything but
  // sockets, so not for every snapshot.
  v1::Collector Describe() const;

 private:
  const base::Clock* const clock_;
  const std::string proc_root_;
};

}  // namespace tcpfleet::agent
