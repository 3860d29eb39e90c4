// What a run is worth, in one word, one line and one exit code. The table in README.md lists the
// cases; the first that applies decides.
#pragma once

#include <absl/status/status.h>

#include <string>
#include <vector>

#include "controller/cli/exit_code.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

struct Verdict {
  std::string name;
  std::string reason;
  ExitCode exit_code = kOk;
};

// Farther than this from the planned start, beyond what the clocks leave open, is not a common
// start.
inline constexpr double kMostStartOffsetUs = 100'000;

struct VerdictFacts {
  bool interrupted = false;
  // Why the run was not started; empty when it was.
  std::string not_started;
  // Not started: what each agent that refused to prepare answered.
  std::vector<absl::Status> refusals;
  // Not started: the agents' pre-flight checks say that it would break.
  bool blocked = false;
  // Thresholds that the run was ended for.
  std::vector<v1::ThresholdResult> aborted_by;
  double elapsed_seconds = 0;
  double planned_seconds = 0;
  // One line per agent whose counters did not add up.
  std::vector<std::string> broken_identities;
};

// One line when the lateness of the load generator itself explains the slow operations: its p99 is
// at least 1 ms and at least half of the responses' p99. Else empty.
std::string GeneratorLateness(const v1::StressReport& report);

// Reads total, agents, thresholds and failures of the report.
Verdict Judge(const VerdictFacts& facts, const v1::StressReport& report);

}  // namespace tcpfleet::controller
