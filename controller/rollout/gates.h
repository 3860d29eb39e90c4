// Whether a change made things worse: counters of changed hosts before and after against hosts that
// were not changed. Pure.
//
// What the others got worse by in the same time excuses changed hosts; what they got better by does
// not accuse them. Every changed host is judged for itself, so that one bad host is not lost in the
// mean of many. What cannot be judged is said to be not judged, never passed.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <string>
#include <vector>

#include "tcpfleet/v1/kernel.pb.h"
#include "tcpfleet/v1/tuning.pb.h"

namespace tcpfleet::controller {

using KernelReading = absl::StatusOr<v1::KernelSnapshot>;

// "Before" is from the first to the second reading, "after" from there to the third.
struct GateHost {
  std::string name;
  const KernelReading* first = nullptr;
  const KernelReading* second = nullptr;
  const KernelReading* third = nullptr;
};

// One row per gate. The first is whether changed hosts still answer.
std::vector<v1::GateResult> JudgeGates(absl::Span<const GateHost> changed,
                                       absl::Span<const GateHost> others);

}  // namespace tcpfleet::controller
