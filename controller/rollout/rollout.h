// A plan taken to its hosts wave by wave.
//
// All hosts are reserved before the first is changed. A wave is changed, watched (gates.h) and only
// then confirmed; one that fails, or is interrupted, is rolled back, and waves before it stay. At
// every moment the report says how far it has come, and it is saved before and after each step, so
// that another controller can go on from it.
//
// Threads: one caller; blocks until the rollout ends.
// Bounds:  waits for the soak once per wave and once before the first.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <functional>
#include <stop_token>

#include "common/base/clock.h"
#include "controller/cli/exit_code.h"
#include "controller/fleet/fleet.h"
#include "controller/rollout/rollout_setup.h"
#include "tcpfleet/v1/tuning.pb.h"

namespace tcpfleet::controller {

struct RolloutWorld {
  Fleet& fleet;  // has every host of the plan
  base::Clock& clock;
  std::stop_token stop;
  // A rollout whose state cannot be written stops.
  std::function<absl::Status(const v1::RolloutReport& report)> save;
  // A wave has another state, or its gates have been judged.
  std::function<void(const v1::RolloutReport& report, size_t wave)> on_wave;
};

// What Reserve says of every host, given back at once: nothing is written.
ExitCode TryRollout(RolloutWorld& world, v1::RolloutReport& report);

// From a new report, or one that ResumeRollout has looked over, to its end.
ExitCode RunRollout(RolloutWorld& world, v1::RolloutReport& report);

// Makes the report of a rollout that did not end true again: hosts are asked, what is left
// unconfirmed is rolled back, and what has to be done again waits. FailedPrecondition when changes
// still wait to be confirmed by hand.
absl::Status ResumeRollout(RolloutWorld& world, v1::RolloutReport& report);

}  // namespace tcpfleet::controller
