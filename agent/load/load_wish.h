// What a run will ask of the host, by its spec.
#pragma once

#include "agent/load/limits.h"
#include "agent/load/plan.h"

namespace tcpfleet::agent {

// Most operations per second this agent is to start at any time of the run; infinite in a closed
// loop.
double PeakRate(const v1::StressSpec& spec);

// Connections that are opened per second at most; infinite in a closed loop that opens one after
// the other, 0 when they are opened once.
double PeakConnectionRate(const v1::StressSpec& spec);

LoadWish WishOf(const RunPlan& plan);

}  // namespace tcpfleet::agent
