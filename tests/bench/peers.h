// Other people's programs, measured in the same rounds as ours.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "tests/bench/contest.h"
#include "tests/bench/groups.h"

namespace tcpfleet::bench {

// neper's tcp_rr or tcp_crr with 64 flows on one thread, both its ends. Its ports are fixed: no two
// at once.
absl::StatusOr<Cost> RunNeper(const std::string& program, const BenchOptions& options);

// iperf3 with one connection and writes of 128 KiB.
absl::StatusOr<Cost> RunIperf3(const BenchOptions& options);

// wrk with one thread and 64 connections; its requests are ours byte by byte.
absl::StatusOr<Cost> RunWrk(const std::string& url, const BenchOptions& options);

}  // namespace tcpfleet::bench
