// From what the participants measured to the document that is printed and kept.
#pragma once

#include <absl/time/time.h>
#include <absl/types/span.h>

#include <vector>

#include "controller/stress/options.h"
#include "controller/stress/run.h"
#include "controller/stress/verdict.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// All clients together, from sums and merged histograms; what only servers count is of the servers.
v1::RunResult TotalOf(absl::Span<const Participant* const> participants, uint64_t peak_active);

// Only where two clients have made a connection attempt.
void SetStartSkew(absl::Span<const Participant* const> participants, v1::StressReport& report);

v1::StressInterval BuildInterval(const RunView& view);

// `missing` are the agents that did not get as far as the run.
v1::StressReport BuildReport(const StressOptions& options, const RunOutcome& outcome,
                             absl::Span<const v1::AgentFailure> missing);

// Needs the whole report but its verdict.
Verdict JudgeRun(const RunOutcome& outcome, const v1::StressReport& report);

}  // namespace tcpfleet::controller
