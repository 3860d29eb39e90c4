#include <cmath>
#include <cstdio>
#include <random>

#include "common/stats/histogram.h"
#include "tests/bench/groups.h"
#include "tests/bench/process_usage.h"

namespace tcpfleet::bench {
namespace {

constexpr Goal kGoal = AtMost(15);
constexpr size_t kLatencies = size_t{1} << 16;

// Latencies as a network gives them: log-normal around 100 us, three orders of magnitude wide. More
// of them than the branch predictor or the first-level cache can learn.
std::vector<uint64_t> Latencies() {
  std::mt19937_64 generator(1);
  std::lognormal_distribution<double> latency_ns(std::log(100'000.0), 1.0);
  std::vector<uint64_t> values(kLatencies);
  for (uint64_t& value : values) value = static_cast<uint64_t>(latency_ns(generator));
  return values;
}

}  // namespace

absl::StatusOr<Measurements> MeasureHistogram(const BenchOptions& options) {
  std::fputs("histogram: recording latencies\n", stderr);
  constexpr size_t kRecords = size_t{1} << 24;
  const std::vector<uint64_t> latencies = Latencies();
  stats::Histogram histogram;
  // Volatile, so that the histogram lives in memory as in a worker, not in registers.
  stats::Histogram* volatile recorder = &histogram;
  std::vector<double> rounds;
  for (int round = 0; round < options.rounds; ++round) {
    const double start_ns = ThreadCpuNs();
    for (size_t i = 0; i < kRecords; ++i) recorder->Record(latencies[i % kLatencies]);
    rounds.push_back((ThreadCpuNs() - start_ns) / double{kRecords});
  }
  return Measurements{FromRounds("histogram/record", rounds, "ns", kGoal)};
}

}  // namespace tcpfleet::bench
